/**
 * Every limit of the engine, by name. Units come last in a name. A limit that a caller can meet is named in its error. Each is
 * a constant of its own, so that a bundle holds only those that it uses: the page needs few of them.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/** Longest embedding accepted. */
export const dimensionMax = 4096;
/** Collection and database names, in characters (as in Chroma). */
export const nameLengthMin = 3;
export const nameLengthMax = 512;
/** Tenants whose rate of calls is remembered before those that have long been quiet are forgotten. */
export const rateBucketsMax = 1000;
/** Records in one atomic batch (as in Chroma). */
export const batchRecordsMax = 5461;
/** Records that the client sends in one batch: it splits larger calls, each batch being atomic. */
export const batchRecordsSent = 1000;
/** Entries of one sparse vector in metadata. */
export const sparseVectorEntriesMax = 65_536;
/** Size of one batch, or of one transaction, as it enters the log. */
export const batchBytesMax = 32 * MiB;
/** Largest body of a REST request (as in Chroma), and how deep its JSON may nest. */
export const bodyBytesMax = 40 * MiB;
export const bodyDepthMax = 128;
/** How deep `$and`/`$or` may nest in `where` and `whereDocument`. */
export const filterDepthMax = 64;
/** Clauses in one `where` or `whereDocument`, and values of one list in it (`$in`, `$nin`). */
export const filterClausesMax = 4096;
export const filterValuesMax = 65_536;
/** Columns that one search selects, and keys that it groups by. */
export const selectKeysMax = 4096;
export const groupKeysMax = 256;
/** Keys of one `facets` call, values that it tells of each, also by default, and memory that the values of one call may take, about. */
export const facetKeysMax = 256;
export const facetValuesMax = 10_000;
export const facetValuesDefault = 100;
export const facetBytesMax = 128 * MiB;
/** Ids that one read or deletion names. */
export const selectionIdsMax = 100_000;
/** Keys in one record's metadata, and entries of one list in it. */
export const metadataKeysMax = 1024;
export const metadataListMax = 65_536;
/** Objects within each other in metadata that is flattened. */
export const metadataDepthMax = 64;
/** Bytes of one answer, about, and of each message in which it reaches the page: reading 1 MiB of records takes a phone 100 ms. */
export const responseBytesMax = 256 * MiB;
export const answerPartBytes = 256 * KiB;
/** Bytes of one page of an export or a backup, about. */
export const exportPageBytes = MiB;
/** Exports, backups and restores under way, of each, and how long nothing may happen to one before what it keeps is let go. */
export const snapshotsMax = 16;
export const snapshotIdleMs = 600_000;
/** Longest part of a backup that is read: a block, but for the head, which says of all blocks where they were. */
export const backupPartBytesMax = 512 * MiB;
/** Metadata columns of a table that is exported; the values of more keys stand in one more column, as JSON. */
export const exportColumnsMax = 256;
/**
 * Bytes by which the format of an import is told, and that are read in one step; bytes of one of its rows, or of a page of a Parquet file;
 * characters of all columns where it comes in columns, or bytes of a batch of Arrow.
 */
export const importHeadBytes = 64 * KiB;
export const importRowBytesMax = 64 * MiB;
export const importColumnsLengthMax = 256 * MiB;
/** Rows of an import that could not go in and are told one by one. */
export const importRejectionsMax = 1000;
/** Text of the records that one step of a reembedding takes, about, and how often it looks at records that lack nothing first. */
export const reembedBatchBytes = MiB;
export const reembedLooksMax = 64;
/** Queries in one `query` call. */
export const queriesMax = 10_000;
/** Records that each branch of a hybrid search puts up, unless more results are asked for. */
export const hybridCandidates = 200;
/** Searches in one `search` call. */
export const searchesMax = 100;
/** Records that `checkRecall` uses as queries, and neighbours of each that it compares. */
export const recallSampleMax = 1000;
export const recallResultsMax = 100;
/** How deep a rank may nest, and how many expressions it may have. */
export const rankDepthMax = 64;
export const rankExpressionsMax = 1024;
/** Longest term of the text index, in UTF-16 code units; longer words are cut, in documents and queries alike. */
export const termLengthMax = 64;
/** Stop words of a collection. */
export const stopWordsMax = 10_000;
/** Words and phrases in all groups of synonyms of a collection. */
export const synonymsMax = 10_000;
/** Length of a stop word, or of a phrase among synonyms, in UTF-16 code units. */
export const textWordLengthMax = 256;
/** How much of a document is looked through for what is marked in it, in UTF-16 code units, and how many matches are. */
export const highlightLengthMax = 1_000_000;
export const highlightMatchesMax = 10_000;
/** Length of what stands before and after a match. */
export const highlightMarkLengthMax = 256;
/** Words of a query that are corrected, and documents that are looked at to complete one. */
export const correctedWordsMax = 32;
export const suggestHitsMax = 256;
/** Distinct terms in one text query. */
export const queryTermsMax = 1024;
/** How deep groups and classes of a regular expression may nest. */
export const regexNestMax = 250;
/** Size of a regular expression in characters and classes, with counted repetitions written out. */
export const regexSizeMax = 20_000;
/** Memory of the automata of all regular expressions in one filter. */
export const regexMemoryBytes = 4 * MiB;

/** Largest block, but for a single record or posting list that is larger: that gets a block of its own. */
export const blockBytesMax = 4 * MiB;
/** Sizes at which blocks are cut: one is encoded, and read whole, without a pause. Rows of vectors are copied, texts encoded. */
export const recordBlockBytes = 256 * KiB;
/** Of blocks of ids, which answers read for a few of their rows: small, and not so small that manifests grow long. */
export const idBlockBytes = 32 * KiB;
export const vectorBlockBytes = MiB;
export const postingBlockBytes = 128 * KiB;
/**
 * Rows of vectors are read in pages of this size, which every storage reads about as fast as a row: 64 kB take Firefox as long
 * as 512 bytes, and IndexedDB values of less than 64 KiB are kept by Chromium where they are found fast. A read of more pages
 * than these keeps none.
 */
export const rowPageBytes = 16 * KiB;
export const rowPagesKeptMax = 256;
/** Pages around one that is read are read along with it, up to this, while there is room for them. */
export const rowAheadBytes = 64 * KiB;
/** Least `memoryBudgetBytes` of a client: one of the largest blocks still fits its half. */
export const memoryBudgetBytesMin = 8 * MiB;
/** Bytes of decoded blocks kept in memory. */
export const blockCacheBytesMax = 32 * MiB;
/** Bytes of float32 vectors kept in memory for re-ranking. */
export const vectorCacheBytesMax = 32 * MiB;

/**
 * Collections that stay open when nobody uses them, and the memory they may take. A browser gives out about 120 WebAssembly
 * memories, however small, and a large collection takes one.
 */
export const openCollectionsMax = 64;
export const openCollectionBytesMax = 1024 * MiB;

/**
 * Requests of each collection, and changes of the catalog, that are remembered. One that is tried again is told from a new one for
 * as long as no more than these came after it.
 */
export const requestsRememberedMax = 1024;

/**
 * Ids of the latest log records of an open collection that are known, and the memory they may take: transactions that read before more
 * than these are stale.
 */
export const recentIdsMax = 32_768;
export const recentIdBytesMax = 4 * MiB;
/** Log records that a repair takes to be lost, at most, where nothing tells how many there were: as many offsets are left out. */
export const lostLogRecordsMax = 1 << 20;
/** Records of all operations of one transaction. */
export const transactionRecordsMax = 32_768;
/** Passages of one document, so that all can be replaced by as many in one transaction; and tries of that where others write them too. */
export const documentPassagesMax = 16_384;
export const documentTriesMax = 64;

/** Characters of the ids by which a connection and its requests are known. */
export const requestIdLengthMax = 200;

/** Uncompacted log that starts a compaction at once. */
export const compactionLogBytes = 24 * MiB;
/** Log that does so though its records, which replace each other, take less memory. */
export const compactionLogBytesMax = 48 * MiB;
/** Uncompacted log that starts a compaction once the database is idle. */
export const compactionIdleLogBytes = 256 * KiB;
/** Time without a write after which the database counts as idle. */
export const compactionIdleMs = 1500;
/**
 * Memory that a text index takes while it is made of documents, after which what there is of it is written as a segment; and that one
 * in memory takes of documents that nobody has searched for yet.
 */
export const textBuildBytes = 16 * MiB;
/** Time without a write after which what was written is read into the text index in memory. */
export const textReadingIdleMs = 100;
/** Documents that wait for that, from which on they are read although writes go on: so many are all that a search finds unread. */
export const textBacklogMax = 4096;
/** Time without a write, and without a query that had to read rows of vectors, after which others are read ahead; how much at a time. */
export const rowReadingIdleMs = 50;
export const rowReadingBytes = 256 * KiB;
/** Time without a write after which segments of a text index are merged: when a compaction, if there is one, has begun. */
export const textIdleMs = 2000;
/** Segments of one collection with which they are merged while it is written to: a search asks each of them. */
export const textSegmentsMax = 12;
/** Time without a write after which a text index is built that is missing, or whose words are not those that the configuration asks for. */
export const textRebuildIdleMs = 300;
/** Time without a write after which records are taken into an index of sparse vectors that lacks them, and how many at a time. */
export const sparseBuildIdleMs = 300;
export const sparseBuildRecords = 10_000;
/** Fewest ordinals of deleted records for which a collection is renumbered. */
export const deadOrdinalsMin = 16_384;
/** Code bytes, each row's overhead added, up to which a collection is scanned without a graph. */
export const flatBytesMax = 16 * MiB;
/** `max_neighbors` of an index. Its nodes lie in chunks of up to 65,536, and each has room for twice as many links. */
export const maxNeighborsMin = 2;
export const maxNeighborsMax = 256;
/** `ef_construction` and `ef_search` of an index. */
export const beamMax = 65_536;
/** Time without a write after which graphs are built, and the number of waiting vectors at which they are built anyway. */
export const graphIdleMs = 300;
export const graphBacklogMax = 50_000;
/** Most `cores` of a client, and how many of the machine's it uses at most where it does not say. */
export const coresMax = 16;
export const coresDefaultMax = 4;
/**
 * Work that helpers are asked for: bytes of codes that the queries of one call are compared with, or queries that walk through a graph; how
 * many queries are shared at once; what these and their answers may take in memory; and how long helpers stay without work.
 */
export const helpersScanBytesMin = 128 * MiB;
export const helpersQueriesMin = 32;
export const helpersQueriesMax = 256;
export const helpersBytesMax = 16 * MiB;
export const helpersIdleMs = 10_000;
/** Bytes of a graph and its codes beyond which inverted lists take its place where nobody has asked for either: some 200,000 × 384. */
export const graphBytesMax = 128 * MiB;
/** Rows at which inverted lists are split and dissolved, and lists that rows move between at a split, where nothing is said of them. */
export const listSplitRows = 200;
export const listMergeRows = 50;
export const listReassignNeighbours = 16;
/**
 * Compacted rows in no inverted list of an index of such from which they are taken into lists; while more are written, as many as there are
 * rows in lists by the share, but no more than the most: each time nearly all lists are written anew. Rows whose codes are made on opening;
 * bytes of rows that go into lists at once, and rows of one step; and the size at which blocks of lists are cut.
 */
export const listTailRows = 4096;
export const listTailShare = 1 / 32;
export const listTailRowsMax = 32_768;
export const listTailLoadedRows = 32_768;
export const listBuildBytes = 64 * MiB;
export const listRowsAtOnce = 256;
export const listBlockBytes = 256 * KiB;
/** Bytes of inverted lists of one collection that are held in memory: most of those of a million rows at dimension 384. */
export const listBytesHeldMax = 63 * MiB;
/** Uncompacted log of one collection at which writes wait for the compactor. */
export const memtableBytesMax = 64 * MiB;
/** Longest stretch of background work before other requests get a turn. */
export const sliceMs = 4;

/** Shares of what the browser grants an origin at which clients are told, and how often it is looked at while there are writes. */
export const quotaNoticeShares: readonly number[] = [0.8, 0.95];
export const quotaCheckMs = 10_000;
/** Kept in IndexedDB, so that a full origin still has room for what makes room: deletes, and the publishing of compactions. */
export const reserveBytes = 4 * MiB;
/** What an origin may have left when a write for which the browser gives no reason has failed for want of room: two of the largest. */
export const fullOriginBytes = 32 * MiB;
/** Free space in OPFS arenas that is kept for compactions of deletions. */
export const arenaReserveBytes = 2 * MiB;
/** Unit in which OPFS arenas grow and shrink, and the size at which the next one is used. */
export const arenaBytesMin = 4 * MiB;
export const arenaBytesMax = 256 * MiB;
/** Space in arenas, as a multiple of what is used, above which blocks are moved so that the rest can be given back. */
export const arenaSpreadMax = 2;
/** Bytes of blocks that are moved in one go, when space that is reserved and not used is given back. */
export const packingBytesMax = 8 * MiB;
/** Longest `timeoutMs` of a call, which is the longest of a timer. */
export const timeoutMsMax = 2 ** 31 - 1;
/** Texts that an embedding function is given at once, unless a call says otherwise, and the time after which what is embedded is sent. */
export const embedBatchSize = 64;
export const embedPaceMs = 250;
/** How long an embedding function may take for one batch before its write gives up, so that it does not hold back others for good. */
export const embeddingWaitMs = 600_000;
/**
 * UTF-16 code units of texts that are hashed in place: some 10 ms of work, in slices, with which a message to a worker and back, or the
 * start of one, would only make a query slower.
 */
export const hashedInPlaceMax = 16_384;
/** How long the worker that hashes stays without a call. */
export const hashingIdleMs = 10_000;
/** How long the sentence encoder's worker stays without a call, unless it is said otherwise. */
export const encoderIdleMs = 60_000;
/** How long the worker of a model of `@huggingface/transformers` stays without a call, unless it is said otherwise. */
export const modelIdleMs = 300_000;
/** Tokens that such a model reads at once, unless it is said otherwise: what attention takes grows by their square. */
export const modelTokensMax = 2048;
/** Texts, and tokens of all of them together, that such a model is given in one batch. */
export const modelBatchTexts = 32;
export const modelBatchTokens = 4096;
/** Age below which an arena's name may not have reached the disk; nothing relies on a younger one. */
export const arenaSettleMs = 60_000;

/** Ids that a change tells of; of a larger one it tells their number. */
export const changeIdsMax = 100;
/** Subscriptions of one client. */
export const subscriptionsMax = 1000;
/**
 * Least time between two looks of the engine at what was written, for those who watch results; and written records between two of
 * them beyond which all results of the collection count as changed.
 */
export const watchPauseMs = 20;
export const watchedChangesMax = 10_000;
/** How many times longer than they take such looks, and the refreshing of subscriptions, let others go first; and the most of that. */
export const livePauseShare = 3;
export const livePauseMsMax = 2_000;
/** How long subscriptions that are refreshed together should take, which says how many the next ones are; and the most of them. */
export const liveRefreshMs = 16;
export const liveAtOnceMax = 16;
/** How long a subscription that could not be refreshed waits before it is tried again, at first and at most: it doubles. */
export const liveRetryMs = 1_000;
export const liveRetryMsMax = 60_000;
/** How long a store of live results keeps its subscription when nobody is subscribed to it any more. */
export const liveLingerMs = 1_000;
/** How long the browser may take to open something that is stored, or to say whether it is there, before that counts as failed. */
export const browserWaitMs = 10_000;
/** How long a transaction may take: one that is not over by then is given up, and the connection with it. */
export const transactionWaitMs = 60_000;
/** How long an engine may take to close before its worker lets go of the lease all the same. */
export const closeWaitMs = 10_000;
/** Least time between two looks at whether the files of a database that is written to are still there. */
export const filesCheckMs = 1_000;
/** How long deleting a database waits for the tab that holds it to let go of it. */
export const lockWaitMs = 5_000;
/** How long a client waits for a holder that neither answers nor lets go of the database. */
export const serveWaitMs = 10_000;
/** How long a page waits for its own worker to begin, while nobody else answers. */
export const workerLoadWaitMs = 60_000;
/** How long one that looks for the holder waits for an answer before it makes ready to hold the database itself. */
export const answerWaitMs = 250;
/** How long a guest waits for a port, before it is relayed, and for a relay. */
export const portWaitMs = 500;
/** How long a call to another context's engine may take before it is asked whether it is there, and how long it may be silent then. */
export const silenceMs = 1_000;
export const heartbeatMs = 2_000;
/** How long a worker may be silent to others before its own page ends it, so that it has let go of all when they take over. */
export const holderSilenceMs = 1_500;
/** How often a call is asked again when whoever served has gone: a call that kills its worker must not kill them all. */
export const callAttemptsMax = 4;
/** Memory that the collections may take which a worker on standby opens ahead, and how long after a change it reads the catalog. */
export const aheadBytesMax = 64 * MiB;
export const aheadDelayMs = 200;
/** Guests of one holder that are relayed, and holders and waiting guests that the broker knows. */
export const guestsMax = 1000;
/** Findings that a verification reports of one collection; more are counted. */
export const findingsMax = 1000;
