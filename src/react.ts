/** The entry `tidepool-db/react`: live results in React components. Importing it starts nothing, so it is safe on a server too. */
export { TidepoolProvider, type TidepoolProviderProps, useTidepool } from "./react/provider.js";
export { type CollectionState, useCollection } from "./react/use-collection.js";
export { type Ingest, type IngestArguments, type IngestState, useIngest } from "./react/use-ingest.js";
export { type LiveState, useLiveQuery, useLiveSearch } from "./react/use-live-query.js";
