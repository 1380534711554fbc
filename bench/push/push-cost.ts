/** What a sync asks of a server, counted: requests, and bytes of their bodies and answers. The gateway of the package stands in for it. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { randomFrom } from "../../tools/random.js";
import { root } from "../harness.js";

// As it is built: this folder is a package of its own, whose name for the other is not known.
const entry = (name: string): Promise<unknown> =>
  import(/* @vite-ignore */ pathToFileURL(createRequire(join(root, "package.json")).resolve(`tidepool-db/${name}`)).href);
const { NodeClient } = (await entry("node")) as typeof import("tidepool-db/node");
const { createGateway } = (await entry("rest")) as typeof import("tidepool-db/rest");
type Client = InstanceType<typeof NodeClient>;

/** One round of a sync. */
export interface RoundCost {
  round: string;
  requests: number;
  sentBytes: number;
  readBytes: number;
}

const DIMENSION = 384;

class CountedServer {
  readonly #gateway: (request: Request) => Promise<Response>;
  #cost = { requests: 0, sentBytes: 0, readBytes: 0 };

  constructor(client: Client) {
    this.#gateway = createGateway(client);
  }

  readonly fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(url, { ...init, ...(init.body == null ? {} : { duplex: "half" }) } as RequestInit);
    const sent = await request.clone().arrayBuffer();
    const response = await this.#gateway(request);
    const read = await response.clone().arrayBuffer();
    this.#cost.requests++;
    this.#cost.sentBytes += sent.byteLength;
    this.#cost.readBytes += read.byteLength;
    return response;
  };

  take(round: string): RoundCost {
    const cost = { round, ...this.#cost };
    this.#cost = { requests: 0, sentBytes: 0, readBytes: 0 };
    return cost;
  }
}

function recordsOf(count: number): { ids: string[]; embeddings: number[][]; documents: string[]; metadatas: { revision: number }[] } {
  const random = randomFrom(1);
  const numbers = Array.from({ length: count }, (_, i) => i);
  return {
    ids: numbers.map((i) => `note-${i}`),
    embeddings: numbers.map(() => Array.from({ length: DIMENSION }, () => Math.fround(random() - 0.5))),
    documents: numbers.map((i) => `What note ${i} says. `.repeat(20)),
    metadatas: numbers.map((i) => ({ revision: i + 1 })),
  };
}

/** The rounds of a sync of so many records, with or without `revisionKey`. */
export async function pushCosts(records: number, revisionKey: string | undefined): Promise<RoundCost[]> {
  const [device, host] = [new NodeClient({ storage: "memory" }), new NodeClient({ storage: "memory" })];
  try {
    const server = new CountedServer(host);
    const notes = await device.createCollection({ name: "notes", embeddingFunction: null });
    await notes.add(recordsOf(records));
    const remote = { url: "http://server.example", fetch: server.fetch };
    const key = revisionKey === undefined ? {} : { revisionKey };
    const begin = () => device.sync({ remote, collections: ["notes"], intervalMs: null, ...key });
    let sync = await begin();
    const costs: RoundCost[] = [];
    const round = async (name: string): Promise<void> => {
      await sync.now();
      costs.push(server.take(name));
    };
    await round("all records pushed");
    await notes.update({ ids: ["note-5"], metadatas: [{ revision: records + 1 }] });
    await round("one record changed here");
    await round("nothing changed");
    await sync.stop();
    sync = await begin();
    await round("another sync begins");
    const there = await host.getCollection({ name: "notes", embeddingFunction: null });
    await there.update({ ids: ["note-6"], metadatas: [{ revision: records + 2 }] });
    await round("one record changed there");
    await sync.stop();
    return costs;
  } finally {
    await Promise.all([device.close(), host.close()]);
  }
}
