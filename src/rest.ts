/** The entry `tidepool-db/rest`: Chroma's REST API over a client. Importing it starts nothing. */
export { createGateway, type Gateway, type GatewayOptions } from "./api/rest/create-gateway.js";
export { type InstallFetchOptions, installFetch } from "./api/rest/install-fetch.js";
export { offerGateway } from "./api/rest/offer-gateway.js";
