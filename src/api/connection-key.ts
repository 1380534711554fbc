/** Where parts of this package that are bundled apart find a client's connection; no program's business. */
export const CONNECTION: unique symbol = Symbol.for("tidepool.connection");
