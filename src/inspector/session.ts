/**
 * What the views of one inspector share: the client of the database that is open, which collection and view are chosen, and what
 * is to be told. Whoever listens is told of every change of it, and, at most five times a second, of changes of the data, from
 * whatever tab.
 */
import { AdminClient } from "../api/admin-client.js";
import { TidepoolClient } from "../api/client.js";
import type { Collection } from "../api/collection.js";
import { TidepoolError } from "../core/errors.js";
import { type TaskHandle, Tasks } from "./tasks.js";

/** What is shown of a collection. */
export type View = "records" | "query" | "versions" | "index" | "schema";

/** Something to tell, until it is dismissed or the next comes. */
export interface Notice {
  kind: "done" | "failed";
  text: string;
}

/** How long changes of the data are gathered before they are told. */
const CHANGE_PAUSE_MS = 200;

export class Session {
  /** As it was given; the client of the open database shares its connection. */
  readonly root: TidepoolClient;
  readonly admin: AdminClient;
  client: TidepoolClient;
  /** Those that are known: Chroma's API lists databases, but no tenants. */
  tenants: readonly string[];
  /** `null`: the whole path is shown. */
  collection: Collection | null = null;
  /** The earlier version that is read; `undefined`: the present. */
  version: number | undefined = undefined;
  view: View = "records";
  notice: Notice | null = null;
  /** What takes long. */
  readonly tasks = new Tasks(() => this.#tell());
  /** Counts changes of the data of the open database. */
  changes = 0;
  readonly #isOwn: boolean;
  readonly #listeners = new Set<() => void>();
  #off: () => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `isOwn`: the client is closed with the session. */
  constructor(client: TidepoolClient, { isOwn }: { isOwn: boolean }) {
    this.root = client;
    this.client = client;
    this.admin = new AdminClient({ client });
    this.tenants = [client.tenant];
    this.#isOwn = isOwn;
    this.#listen();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  openDatabase(tenant: string, database: string): void {
    this.client = new TidepoolClient({ client: this.root, tenant, database });
    this.#off();
    this.#listen();
    this.openCollection(null);
  }

  /** Its databases are shown from now on. */
  addTenant(tenant: string): void {
    if (!this.tenants.includes(tenant)) this.tenants = [...this.tenants, tenant].sort();
    this.#tell();
  }

  /** `null`: what concerns the whole path. */
  openCollection(collection: Collection | null): void {
    const isOther = collection?.id !== this.collection?.id;
    this.collection = collection;
    if (isOther) this.version = undefined;
    this.#tell();
  }

  openVersion(version: number | undefined): void {
    this.version = version;
    this.openView("records");
  }

  openView(view: View): void {
    this.view = view;
    this.#tell();
  }

  /** Something has changed that no event tells of, such as a list of databases. */
  refresh(): void {
    this.changes++;
    this.#tell();
  }

  tell(text: string): void {
    this.#notify({ kind: "done", text });
  }

  fail(error: unknown): void {
    this.#notify({ kind: "failed", text: messageOf(error) });
  }

  dismiss(): void {
    this.#notify(null);
  }

  /** Does what somebody has asked for, and tells what came of it. Whether it was done. */
  async attempt(what: () => Promise<string>): Promise<boolean> {
    try {
      this.tell(await what());
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    } finally {
      this.refresh();
    }
  }

  /** As `attempt`, with progress in sight and a way to stop it. */
  work(label: string, what: (handle: TaskHandle) => Promise<string>): Promise<boolean> {
    return this.attempt(() => this.tasks.run(label, what));
  }

  async close(): Promise<void> {
    this.tasks.stopAll();
    this.#off();
    clearTimeout(this.#timer);
    this.#listeners.clear();
    if (this.#isOwn) await this.root.close();
  }

  #listen(): void {
    try {
      this.#off = this.client.on("change", () => {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.refresh();
        }, CHANGE_PAUSE_MS);
      });
    } catch (error) {
      // A Chroma server tells of no changes. What is done here is looked at anyway.
      if (!(error instanceof TidepoolError && error.code === "NOT_SUPPORTED")) throw error;
      this.#off = () => {};
    }
  }

  #notify(notice: Notice | null): void {
    this.notice = notice;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** For people: the code first, by which the documentation explains it. */
export function messageOf(error: unknown): string {
  if (error instanceof TidepoolError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
