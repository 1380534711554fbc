/** Every limit of the engine, by name. Units come last in a name. A limit that a caller can meet is named in its error. */

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** Longest embedding accepted. */
  dimensionMax: 4096,
  /** Collection and database names, in characters (as in Chroma). */
  nameLengthMin: 3,
  nameLengthMax: 512,
  /** Tenants whose rate of calls is remembered before those that have long been quiet are forgotten. */
  rateBucketsMax: 1000,
  /** Records in one atomic batch (as in Chroma). */
  batchRecordsMax: 5461,
  /** Records that the client sends in one batch: it splits larger calls, each batch being atomic. */
  batchRecordsSent: 1000,
  /** Size of one batch as it enters the log. */
  batchBytesMax: 32 * MiB,
  /** Largest body of a REST request (as in Chroma), and how deep its JSON may nest. */
  bodyBytesMax: 40 * MiB,
  bodyDepthMax: 128,
  /** How deep `$and`/`$or` may nest in `where` and `whereDocument`. */
  filterDepthMax: 64,
  /** Clauses in one `where` or `whereDocument`. */
  filterClausesMax: 4096,
  /** Searches in one `search` call. */
  searchesMax: 100,
  /** Records that `checkRecall` uses as queries, and neighbours of each that it compares. */
  recallSampleMax: 1000,
  recallResultsMax: 100,
  /** How deep a rank may nest, and how many expressions it may have. */
  rankDepthMax: 64,
  rankExpressionsMax: 1024,
  /** Longest term of the text index, in UTF-16 code units; longer words are cut, in documents and queries alike. */
  termLengthMax: 64,
  /** Distinct terms in one text query. */
  queryTermsMax: 1024,
  /** How deep groups and classes of a regular expression may nest. */
  regexNestMax: 250,
  /** Size of a regular expression in characters and classes, with counted repetitions written out. */
  regexSizeMax: 20_000,

  /** Largest block, but for a single record or posting list that is larger: that gets a block of its own. */
  blockBytesMax: 4 * MiB,
  /** Sizes at which blocks are cut: one is encoded, and read whole, without a pause. Rows of vectors are copied, texts encoded. */
  recordBlockBytes: 256 * KiB,
  vectorBlockBytes: MiB,
  postingBlockBytes: 128 * KiB,
  /** Least `memoryBudgetBytes` of a client: one of the largest blocks still fits its half. */
  memoryBudgetBytesMin: 8 * MiB,
  /** Bytes of decoded blocks kept in memory. */
  blockCacheBytesMax: 32 * MiB,
  /** Bytes of float32 vectors kept in memory for re-ranking. */
  vectorCacheBytesMax: 32 * MiB,

  /** Uncompacted log that starts a compaction at once. */
  compactionLogBytes: 24 * MiB,
  /** Uncompacted log that starts a compaction once the database is idle. */
  compactionIdleLogBytes: 256 * KiB,
  /** Time without a write after which the database counts as idle. */
  compactionIdleMs: 1500,
  /** Time without a write after which a text index is brought up to date and written: it costs more than the rest together. */
  textIdleMs: 5000,
  /** Fewest ordinals of deleted records for which a collection is renumbered. */
  deadOrdinalsMin: 16_384,
  /** Time without a write after which graphs are built, and the number of waiting vectors at which they are built anyway. */
  graphIdleMs: 300,
  graphBacklogMax: 50_000,
  /** Uncompacted log of one collection at which writes wait for the compactor. */
  memtableBytesMax: 64 * MiB,
  /** Longest stretch of background work before other requests get a turn. */
  sliceMs: 4,

  /** Unit in which OPFS arenas grow and shrink, and the size at which the next one is used. */
  arenaBytesMin: 16 * MiB,
  arenaBytesMax: 256 * MiB,
  /** Age below which an arena's name may not have reached the disk; nothing relies on a younger one. */
  arenaSettleMs: 60_000,

  /** How long opening waits for the tab that holds the database to let go of it. */
  lockWaitMs: 5_000,
} as const;
