/** The client in Node: the same calls over an engine in a thread of this process. */
import { basename } from "node:path";
import { TidepoolClient, type TidepoolClientOptions } from "../api/client.js";
import type { PublishDirectory, PublishOptions, PublishReport } from "../api/publish/publish-arguments.js";
import { readArguments, readObject } from "../api/read-arguments.js";
import { invalidArgument, show } from "../core/errors.js";
import { connectThread } from "./engine-thread.js";

/** Options of {@link NodeClient}: one of `directory`, `storage` and `source`, and those of `TidepoolClient` that Node has a use for. */
export interface NodeClientOptions extends Omit<TidepoolClientOptions, "path" | "storage" | "client" | "offscreen" | "worker"> {
  /** Where the database lies: a directory of a local disk, made when there is none. One directory is one database. */
  directory?: string;
  /** "memory": gone when the client is closed, or the process ends. */
  storage?: "memory";
}

const OPTIONS =
  "directory storage source tenant database durability allowReset retainVersions memoryBudgetBytes gateway token onWarning credentials " +
  "encryption";

/**
 * A vector database in Node, with all that {@link TidepoolClient} has. The engine runs in a thread of its own, so the event loop of the
 * program is never held. Clients of one directory in one process share it; another process is refused with `LOCKED`.
 * A client does not keep the process alive, but for calls under way. Close it when done: then the directory is free at once.
 *
 * @example
 * import { NodeClient } from "tidepool-db/node";
 *
 * const client = new NodeClient({ directory: "./notes" });
 * const notes = await client.getOrCreateCollection({ name: "notes" });
 * await notes.upsert({ ids: ["a"], documents: ["Spring tides follow the new moon."] });
 * await client.close();
 */
export class NodeClient extends TidepoolClient {
  /**
   * Checks the options and does nothing else; the first call opens the database.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  constructor(options: NodeClientOptions) {
    const { directory, storage, ...others } = readArguments("NodeClient", () => readObject(options, "NodeClient", OPTIONS));
    const place = readPlace(directory, storage, others.source);
    super({
      ...others,
      path: place === null ? (others.source === undefined ? "memory" : undefined) : nameOf(place),
      storage: place === null ? "memory" : "directory",
      worker: () => connectThread(place) as unknown as globalThis.Worker,
    });
  }

  /** As {@link TidepoolClient.publish}; the directory may be a path, and is made where there is none. */
  override async publish(directory: string | PublishDirectory, options: PublishOptions = {}): Promise<PublishReport> {
    if (typeof directory !== "string") return super.publish(directory, options);
    return super.publish(new (await import("./disk-folder.js")).DiskFolder(directory), options);
  }
}

/** `null` is memory. */
function readPlace(directory: unknown, storage: unknown, source: unknown): string | null {
  if (storage !== undefined && storage !== "memory") throw invalidArgument(`storage must be "memory" or left out, got ${show(storage)}`);
  if ([directory, storage, source].filter((one) => one !== undefined).length !== 1) {
    throw invalidArgument('NodeClient takes either a directory, a source or storage "memory": it never chooses memory by itself');
  }
  if (directory === undefined) return null;
  if (typeof directory === "string" && directory !== "" && !directory.includes("\0")) return directory;
  throw invalidArgument(`directory must be the path of a directory, got ${show(directory)}`);
}

/** As messages call the database. */
function nameOf(directory: string): string {
  const name = basename(directory).replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 128); // biome-ignore format: one line
  return /^\.*$/.test(name) ? "directory" : name;
}
