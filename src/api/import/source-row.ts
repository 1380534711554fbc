/**
 * What the readers of the formats give: rows, each with its fields as the format has them, or with the reason why it has none. `isText`
 * says that the format has no types: all values are texts, or `null`.
 */

export type Fields = Record<string, unknown>;

export type SourceRow = { row: number; line: number | null } & ({ fields: Fields; isText?: boolean } | { reason: string });

/** What readers have to tell beside their rows. */
export type Warn = (warning: string) => void;
