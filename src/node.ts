/** The entry `tidepool-db/node`: the client for Node. Importing it starts nothing. */
export { NodeClient, type NodeClientOptions } from "./node/node-client.js";
