/** A host of published files, elsewhere than the page: it answers ranges, or does not, lets pages of all origins read, and can be away. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export class PublishedHost {
  readonly files = new Map<string, Buffer>();
  /** Names of what was asked for, in order, without preflights. */
  readonly requests: string[] = [];
  /** How ranges are answered. */
  ranges: "several" | "single" | "none" = "several";
  /** Whether nobody is there. */
  isAway = false;
  readonly #server = createServer((request, response) => this.#answer(request, response));

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  /** With a slash at its end. */
  get url(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}/notes/`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (this.isAway) return void response.destroy();
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "range");
    if (request.method === "OPTIONS") return void response.writeHead(204, { "access-control-max-age": "600" }).end();
    const name = request.url!.slice("/notes/".length);
    this.requests.push(name);
    const bytes = this.files.get(name);
    if (bytes === undefined) return void response.writeHead(404).end();
    const ranges = [...(request.headers.range ?? "").matchAll(/(\d+)-(\d+)/g)].map(([, from, to]) => [Number(from), Number(to)] as const);
    const isWhole = ranges.length === 0 || this.ranges === "none" || (ranges.length > 1 && this.ranges === "single");
    if (isWhole) return void response.writeHead(200, { "cache-control": "no-cache" }).end(bytes);
    if (ranges.length === 1) return void response.writeHead(206).end(bytes.subarray(ranges[0]![0], ranges[0]![1] + 1));
    response.writeHead(206, { "content-type": "multipart/byteranges; boundary=here" });
    for (const [from, to] of ranges) {
      response.write(`\r\n--here\r\ncontent-range: bytes ${from}-${to}/${bytes.length}\r\n\r\n`);
      response.write(bytes.subarray(from, to + 1));
    }
    response.end("\r\n--here--\r\n");
  }
}
