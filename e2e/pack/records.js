/** What every packed app writes, whichever client it has. */
export const records = {
  ids: ["tide", "pool", "moon"],
  embeddings: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  documents: ["the tide comes in", "a pool is left behind", "the moon pulls the water"],
  metadatas: [{ wet: true }, { wet: true }, { wet: false }],
};
