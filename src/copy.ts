/** The entry `tidepool-db/copy`: collections and databases from one home to another. Importing it starts nothing. */
export { copyCollection } from "./api/copy/copy-collection.js";
export { type CopyDatabaseOptions, copyDatabase, type DatabaseCopyReport } from "./api/copy/copy-database.js";
export type { CopyFile, CopyFrom, CopyOptions, CopyProgress, CopyReport, CopyTo } from "./api/copy/copy-places.js";
