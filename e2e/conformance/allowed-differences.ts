/**
 * Where the official probe may see something else than on a Chroma server: nowhere but here. Each group says why. A case
 * that is listed and does not differ fails the comparison as one that differs and is not listed does.
 */
export interface AllowedDifferences {
  why: string;
  cases: readonly string[];
}

/** Faults and limits of the reference that are not repeated, as `docs/chroma-differences.md` lists them. */
export const allowedDifferences: readonly AllowedDifferences[] = [
  {
    why: "float operands are compared as numbers; the reference truncates them before comparing with ints",
    cases: [
      ..."W.$eq 1.5|W.$ne 1.5|W.$gte 1.5|W.$lt 1.5|W.$in [1.5]|W.$nin [1.5]".split("|"),
      ..."N.$eq 1.5|N.$eq -1.5|N.$eq 1.9|N.$eq 0.5|N.$ne 1.5|N.$ne -1.5|N.$ne 1.9|N.$ne 0.5|N.$gt -1.5".split("|"),
      ..."N.$gte 1.5|N.$gte 1.9|N.$gte 0.5|N.$lt 1.5|N.$lt 1.9|N.$lt 0.5|N.$lte -1.5|N.$in [1.5,2.5]|N.$nin [1.5]".split("|"),
    ],
  },
  {
    why: "there is no integer type beside numbers, so [1.0, 2.0] contains 1 and a list may hold 1 and 1.5",
    cases: [
      "N.$contains 1",
      "N.$not_contains 1",
      "N.$contains 2",
      "N.$not_contains 2",
      "W.$in [1,1.5]",
      "W.$nin [1,1.5]",
      "WR.$in int+float",
    ],
  },
  {
    why: "a query ignores absent ids; the reference answers 500",
    cases: ["Q.ids missing", "H.query ids some missing", "Q.ids mixed missing (brute phase)"],
  },
  { why: "renaming onto a name that is taken is 409; the reference answers 500 with SQL", cases: ["C.modify to existing"] },
  {
    why: "deleted counts records really deleted; the reference counts absent and repeated ids",
    cases: ["C.delete returns", "C.delete missing id", "R.delete dup ids"],
  },
  { why: "collections are listed in order of creation; the reference lists them by uuid", cases: ["L.list order is"] },
  {
    why: "exact results: a distance is summed in double precision and rounded once; the reference's last digit is off",
    cases: ["Q.float32 distance precision"],
  },
  {
    why: "search, fork and indexing status work; the reference answers 501",
    cases: [
      ..."S.knn|S.rrf|S.where only|SR.search raw|SR.search empty".split("|"),
      ..."C.fork|R.fork|C.forkCount|R.forkCount|C.indexingStatus".split("|"),
    ],
  },
  {
    why: "a schema may ask for an index of sparse vectors; the reference refuses that locally",
    cases: ["C.sparse schema local", "X.sparse create raw"],
  },
  { why: "sparse vectors in metadata are stored; the local server answers 501", cases: ["C.meta sparse vector no schema"] },
  {
    why: "arrays in a collection's metadata, and CRNs, are answered; the reference panics",
    cases: ["C.metadata array", "C.getCollectionByCrn"],
  },
];
