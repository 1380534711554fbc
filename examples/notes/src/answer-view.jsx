/** Asks a model when a person wants it to, and shows what it says. */
import { useState } from "react";
import { answer } from "./answer.js";

export function Answer({ question, passages }) {
  const [server, setServer] = useState("");
  const [model, setModel] = useState("llama3.2");
  const [said, setSaid] = useState(null);

  const ask = async (event) => {
    event.preventDefault();
    setSaid({ question, text: "…" });
    const text = await answer(question, passages, { server, model }).catch((error) => `No answer: ${error.message}`);
    setSaid({ question, text });
  };

  return (
    <form onSubmit={ask}>
      <label>
        Server of a model, such as http://localhost:11434 of Ollama{" "}
        <input value={server} onChange={(event) => setServer(event.target.value)} />
      </label>
      <label>
        Model <input value={model} onChange={(event) => setModel(event.target.value)} />
      </label>
      <button type="submit" disabled={server === ""}>
        Answer from these passages
      </button>
      {said?.question === question && <p role="log">{said.text}</p>}
    </form>
  );
}
