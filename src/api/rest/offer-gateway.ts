/** The page's half of the service worker: the engine is here, so the answers come from here. */
import type { TidepoolClient } from "../client.js";
import { createGateway, type Gateway, type GatewayOptions } from "./create-gateway.js";
import { REQUEST, type Reply, type RequestMessage, type ResponseMessage } from "./page-messages.js";

/**
 * Answers what a service worker asks that called `answerFromPages` of `tidepool-db/service-worker`. Several pages may
 * offer; one of them answers a request.
 *
 * @returns Stops answering.
 *
 * @example
 * import { offerGateway } from "tidepool-db/rest";
 *
 * const stop = offerGateway(client);
 * stop();
 */
export function offerGateway(client: TidepoolClient, options: GatewayOptions = {}): () => void {
  const gateway = createGateway(client, options);
  const onMessage = ({ data, ports }: MessageEvent<RequestMessage | undefined>): void => {
    const port = ports[0];
    if (data?.type !== REQUEST || port === undefined) return;
    // The request is carried out only once the service worker says so: it may have gone to another page by now.
    port.onmessage = () => void send(port, answer(gateway, data));
    port.postMessage({ type: "accepted" } satisfies Reply);
  };
  const container = navigator.serviceWorker;
  container.addEventListener("message", onMessage);
  container.startMessages();
  return () => container.removeEventListener("message", onMessage);
}

async function send(port: MessagePort, answered: Promise<ResponseMessage>): Promise<void> {
  const response = await answered;
  port.postMessage({ type: "answered", response } satisfies Reply, [response.body]);
}

async function answer(gateway: Gateway, { method, url, headers, body }: RequestMessage): Promise<ResponseMessage> {
  const response = await gateway(new Request(url, { method, headers, body }));
  return { status: response.status, headers: [...response.headers], body: await response.arrayBuffer() };
}
