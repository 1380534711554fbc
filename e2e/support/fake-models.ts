/** A server that answers as text-embeddings-inference, Ollama and Jina do, with a model that counts the letters of a text. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeModels {
  readonly url: string;
  close(): Promise<void>;
}

const CORS = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };

export async function serveFakeModels(): Promise<FakeModels> {
  const server = createServer(async (request, response) => {
    if (request.method === "OPTIONS") return void response.writeHead(204, CORS).end();
    const answer = answerTo(request, await bodyOf(request));
    response.writeHead(answer === null ? 401 : 200, { ...CORS, "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<{ inputs?: string[]; input?: string[] }> {
  let text = "";
  for await (const part of request) text += String(part);
  return JSON.parse(text || "{}");
}

/** `null` to whoever shows Jina another key than the one that is expected. */
function answerTo({ url, headers }: IncomingMessage, { inputs, input }: { inputs?: string[]; input?: string[] }): unknown {
  const embeddings = (inputs ?? input ?? []).map(countLetters);
  if (url === "/embed") return embeddings;
  if (url === "/api/embed") return { embeddings };
  return headers.authorization === "Bearer a key" ? { data: embeddings.map((embedding) => ({ embedding })) } : null;
}

function countLetters(text: string): number[] {
  return Array.from({ length: 26 }, (_, i) => text.toLowerCase().split(String.fromCharCode(97 + i)).length - 1);
}
