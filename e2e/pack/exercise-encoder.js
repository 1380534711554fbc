/** What a packed app with the sentence encoder does: it loads the model, writes sentences and finds one by what it means. */
export async function exerciseEncoder({ TidepoolClient, SentenceEncoder }) {
  let isWhole = false;
  const onProgress = ({ loadedBytes, totalBytes }) => {
    isWhole = loadedBytes === totalBytes && totalBytes > 7e6;
  };
  const client = new TidepoolClient({ path: "encoder" });
  try {
    const embeddingFunction = new SentenceEncoder({ onProgress });
    const notes = await client.getOrCreateCollection({ name: "notes", embeddingFunction });
    await notes.upsert({ ids: ["harbour", "office"], documents: ["The harbour dries out twice a day.", "Our office moved to Oslo."] });
    const { ids } = await notes.query({ queryTexts: ["When is there no water for boats?"], nResults: 1 });
    return { isWhole, nearest: ids[0] };
  } finally {
    await client.close();
  }
}
