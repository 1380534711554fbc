/**
 * The step from passages to an answer, which any model can take. Without one the passages are the answer. This one speaks to
 * whatever has OpenAI's API for chats: Ollama, llama.cpp or LM Studio on this machine, or a provider.
 */
export async function answer(question, passages, { server, model, signal }) {
  const response = await fetch(`${server}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: promptOf(question, passages) }] }),
    signal,
  });
  if (!response.ok) throw new Error(`the model's server answered with status ${response.status}`);
  const { choices } = await response.json();
  return choices[0].message.content;
}

/** Passages have numbers, so that the answer can say which of them it is from. */
function promptOf(question, passages) {
  const numbered = passages.map((passage, i) => `[${i + 1}] ${passage}`).join("\n\n");
  return `Answer from these passages only, and name their numbers. Say so if they do not tell.\n\n${numbered}\n\nQuestion: ${question}`;
}
