/**
 * Chroma's REST API for every page that a service worker controls, its frames and workers included, without touching their
 * `fetch`. A service worker cannot hold the database (it has no synchronous file access and ends when it likes), so it asks
 * a page that offers its gateway. Between two requests it keeps nothing, since it may end there.
 */
import { REQUEST, type Reply, type RequestMessage, type ResponseMessage } from "./page-messages.js";

/** How long a page gets to say that it will answer. Answering itself may take as long as the page is open. */
const OFFER_WAIT_MS = 1000;

/** Options of {@link answerFromPages}. */
export interface AnswerFromPagesOptions {
  /** Requests to the origin of this URL are answered. Default `http://localhost:8000`, where Chroma's client looks. */
  url?: string;
}

/** The part of a service worker's global scope that is used; its types and a page's do not go together. */
interface WorkerScope {
  clients: {
    matchAll(options: { type: "window"; includeUncontrolled: boolean }): Promise<readonly PageClient[]>;
    get(id: string): Promise<PageClient | undefined>;
  };
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
}

interface FetchEvent {
  request: Request;
  respondWith(response: Promise<Response>): void;
}

interface PageClient {
  id: string;
  postMessage(message: unknown, transfer: Transferable[]): void;
}

/**
 * Answers one origin by asking an open page that called `offerGateway` of `tidepool-db/rest`. Without such a page the
 * answer is 503 and says so. Call it while the service worker's script first runs: its `fetch` listener must be there then.
 *
 * @example
 * import { answerFromPages } from "tidepool-db/service-worker";
 *
 * answerFromPages({ url: "http://localhost:8000" });
 */
export function answerFromPages({ url = "http://localhost:8000" }: AnswerFromPagesOptions = {}): void {
  const { origin } = new URL(url);
  const scope = globalThis as unknown as WorkerScope;
  scope.addEventListener("fetch", (event) => {
    if (new URL(event.request.url).origin === origin) event.respondWith(ask(scope, event.request));
  });
}

async function ask(scope: WorkerScope, request: Request): Promise<Response> {
  const body = request.method === "GET" || request.method === "HEAD" ? null : await request.arrayBuffer();
  const message: RequestMessage = { type: REQUEST, method: request.method, url: request.url, headers: [...request.headers], body };
  // One page after the other: two of them must not do the same write.
  for (const page of await scope.clients.matchAll({ type: "window", includeUncontrolled: true })) {
    const response = await askPage(scope, page, message);
    if (response !== null) return response;
  }
  return refusal("No open page answers for the database: open one that calls offerGateway");
}

function refusal(message: string): Response {
  return Response.json({ error: "ChromaError", message }, { status: 503, headers: { "access-control-allow-origin": "*" } });
}

/** The page's answer, or `null` when it does not say in time that it will give one. */
function askPage(scope: WorkerScope, page: PageClient, message: RequestMessage): Promise<Response | null> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    let accepted = false;
    // A port does not tell that its other end is gone.
    const watch = setInterval(() => {
      if (!accepted) return settle(null);
      void scope.clients.get(page.id).then((open) => {
        if (open === undefined) settle(refusal("The page that answered was closed: the request may or may not have taken effect"));
      });
    }, OFFER_WAIT_MS);
    const settle = (response: Response | null): void => {
      clearInterval(watch);
      port1.close();
      resolve(response);
    };
    port1.onmessage = ({ data }: MessageEvent<Reply>) => {
      if (data.type === "answered") return settle(toResponse(data.response));
      accepted = true;
      port1.postMessage("go");
    };
    page.postMessage(message, [port2]);
  });
}

function toResponse({ status, headers, body }: ResponseMessage): Response {
  return new Response(body.byteLength === 0 ? null : body, { status, headers });
}
