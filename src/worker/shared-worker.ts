/** The entry of the broker. */
import { Broker } from "./broker.js";

const broker = new Broker(navigator.locks);
const scope = globalThis as unknown as { onconnect: (event: MessageEvent) => void };
scope.onconnect = ({ ports: [page] }) => broker.connect(page!);
