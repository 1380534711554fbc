/** A host of published files for tests: a real server of HTTP over files in memory, which answers ranges as it is told to. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { PublishDirectory, PublishFile } from "../api/publish/publish-arguments.js";

/** A directory in memory; what is written is there once it is closed. */
export class MemoryFolder implements PublishDirectory {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  /** Told before a file is closed; what it throws is the disk's failure. */
  closing: (name: string) => void = () => undefined;

  async getFileHandle(name: string, { create = false } = {}): Promise<PublishFile> {
    if (!this.files.has(name) && !create) throw new DOMException(name, "NotFoundError");
    if (!this.files.has(name)) this.files.set(name, new Uint8Array());
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    return {
      getFile: async () => new Blob([this.files.get(name)!]),
      createWritable: async () => ({
        write: async (bytes) => void pieces.push(bytes.slice()),
        abort: async () => undefined,
        close: async () => {
          this.closing(name);
          this.files.set(name, new Uint8Array(await new Blob(pieces).arrayBuffer()));
        },
      }),
    };
  }

  async removeEntry(name: string): Promise<void> {
    if (!this.files.delete(name)) throw new DOMException(name, "NotFoundError");
  }

  async *keys(): AsyncIterable<string> {
    yield* this.files.keys();
  }
}

export interface PublishedHost {
  readonly url: string;
  /** Paths and ranges of what was asked for, in order. */
  readonly requests: { name: string; range: string | undefined; header: string | undefined }[];
  /** How ranges are answered. Default "several". */
  ranges: "several" | "single" | "none";
  /** Answers in the place of the next requests, one each: a status, or an answer that breaks off. */
  readonly failures: (number | "break off")[];
  close(): Promise<void>;
}

export async function servePublished({ files }: Pick<MemoryFolder, "files">): Promise<PublishedHost> {
  const server = createServer((request, response) => answer(files, host, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host: PublishedHost = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notes/`,
    requests: [],
    ranges: "several",
    failures: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return host;
}

function answer(files: MemoryFolder["files"], host: PublishedHost, request: IncomingMessage, response: ServerResponse): void {
  const name = decodeURIComponent(request.url!.slice("/notes/".length));
  const { range } = request.headers;
  host.requests.push({ name, range, header: request.headers["x-key"] as string | undefined });
  const failure = host.failures.shift();
  if (typeof failure === "number") return void response.writeHead(failure).end();
  const bytes = files.get(name);
  if (bytes === undefined) return void response.writeHead(404).end();
  const ranges = rangesIn(range);
  if (failure === "break off") {
    response.writeHead(ranges.length === 1 ? 206 : 200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, 10), () => response.destroy());
  } else if (ranges.length === 0 || host.ranges === "none" || (ranges.length > 1 && host.ranges === "single")) {
    response.writeHead(200, { "content-length": bytes.length }).end(bytes);
  } else if (ranges.length === 1) response.writeHead(206).end(bytes.subarray(ranges[0]![0], ranges[0]![1] + 1));
  else {
    response.writeHead(206, { "content-type": "multipart/byteranges; boundary=x" });
    for (const [from, to] of ranges) {
      response.write(`\r\n--x\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${from}-${to}/${bytes.length}\r\n\r\n`);
      response.write(bytes.subarray(from, to + 1));
    }
    response.end("\r\n--x--\r\n");
  }
}

function rangesIn(header: string | undefined): [from: number, last: number][] {
  return [...(header ?? "").matchAll(/(\d+)-(\d+)/g)].map(([, from, last]) => [Number(from), Number(last)]);
}
