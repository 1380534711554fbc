import { describe, expect, test } from "vitest";
import { TestEnvironment } from "../../testing/environment.js";
import { gate, turns } from "../../testing/gate.js";
import { sectionKinds } from "../collection/parts.js";
import { ReadWriteLock } from "../collection/read-write-lock.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import { emptyManifest, type Manifest } from "../sysdb/manifest.js";
import { Publisher } from "./publisher.js";

/** A manifest that names one block, told by its version. */
function manifest(version: number): Manifest {
  const sections = sectionKinds.empty();
  sections.metadata.postings.blocks = [{ firstKey: "", ref: refOf(version) }];
  return { ...emptyManifest(sections, "c"), version };
}

function refOf(version: number) {
  return { arena: version, offset: 0, length: 8, crc32: 0 };
}

function collection(id: string) {
  return { row: { id }, dropped: false };
}

/** A publisher whose steps are noted. */
class Walk {
  readonly environment = new TestEnvironment();
  readonly steps: string[] = [];
  readonly failures: unknown[] = [];
  readonly locks = new Map<string, ReadWriteLock>();
  readonly staged = new Map<string, Manifest>();
  settledAt = 0;
  /** What the next commit meets with. */
  onPublish: () => Promise<void> | void = () => undefined;
  onRelease: () => Promise<void> | void = () => undefined;

  readonly publisher: Publisher;

  constructor(staged: readonly [id: string, Manifest][] = []) {
    for (const [id, manifest] of staged) this.staged.set(id, manifest);
    this.publisher = this.#start();
  }

  readonly #start = () =>
    new Publisher({
      manifests: {
        publish: async (id, next, skipped) => {
          this.steps.push(`publish ${id} ${next.version}, skip ${skipped.map(({ version }) => version).join(" ") || "none"}`);
          await this.onPublish();
          this.staged.delete(id);
          return skipped.map(({ version }) => refOf(version));
        },
        stage: async (id, next, skipped) => {
          this.steps.push(`stage ${id} ${next.version}, skip ${skipped.map(({ version }) => version).join(" ") || "none"}`);
          await this.onPublish();
          const gone = this.staged.has(id) ? [this.staged.get(id)!, ...skipped] : skipped;
          this.staged.set(id, next);
          return gone.map(({ version }) => refOf(version));
        },
        publishStaged: async (id) => {
          this.steps.push(`publish staged ${id}`);
          this.staged.delete(id);
          return [];
        },
        stagedIds: () => [...this.staged.keys()],
        refsOnlyIn: (unpublished) => unpublished.map(({ version }) => refOf(version)),
      },
      blocks: {
        settledAt: () => this.settledAt,
        release: async (refs) => {
          this.steps.push(`release ${[...refs].map(({ arena }) => arena).join(" ") || "none"}`);
          await this.onRelease();
        },
      },
      lockOf: (id) => this.locks.get(id) ?? new ReadWriteLock(),
      environment: this.environment,
      settled: () => void this.publisher.publishSettled(),
      failed: (error) => this.failures.push(error),
    });
}

describe("a publisher", () => {
  test("publishes the newest manifest of each collection, and releases what those before it named", async () => {
    const { publisher, steps } = new Walk();
    const [a, b] = [collection("a"), collection("b")];
    publisher.defer(a, manifest(1));
    publisher.defer(b, manifest(2));
    publisher.defer(a, manifest(3));
    expect(publisher.unpublishedCount).toBe(2);
    await publisher.publishSettled();
    expect(steps).toEqual(["publish a 3, skip 1", "release 1", "publish b 2, skip none", "release none"]);
    expect(publisher.unpublishedCount).toBe(0);
  });

  test("stages what young arenas hold, releases what that overtakes, and publishes the newest once they have come of age", async () => {
    const walk = new Walk();
    const { publisher, steps, environment } = walk;
    const a = collection("a");
    expect(publisher.settlesInMs).toBeLessThan(0);
    walk.settledAt = environment.now() + 1000;
    publisher.defer(a, manifest(1));
    await publisher.publishSettled();
    environment.advance(500);
    publisher.defer(a, manifest(2));
    await publisher.publishSettled();
    expect(publisher.settlesInMs).toBe(500);
    environment.advance(499);
    await turns();
    expect(steps.splice(0)).toEqual(["stage a 1, skip none", "release none", "stage a 2, skip none", "release 1"]);
    expect(publisher.unpublishedCount).toBe(1);
    environment.advance(1);
    await turns();
    expect(steps).toEqual(["publish staged a", "release none"]);
    expect(publisher.unpublishedCount).toBe(0);
  });

  test("publishes what an earlier opening staged, although nobody opens the collection, but not before this one has answered", async () => {
    const { steps, environment } = new Walk([["a", manifest(1)]]);
    environment.advance(limits.compactionIdleMs - 1);
    await turns();
    expect(steps).toEqual([]);
    environment.advance(1);
    await turns();
    expect(steps).toEqual(["publish staged a", "release none"]);
  });

  test("keeps for the next time what is installed while it publishes", async () => {
    const walk = new Walk();
    const { publisher, steps } = walk;
    const a = collection("a");
    const { held, open } = gate();
    walk.onPublish = () => held;
    publisher.defer(a, manifest(1));
    const first = publisher.publishSettled();
    await turns();
    expect(publisher.isPublishing(a)).toBe(true);
    publisher.defer(a, manifest(2));
    const second = publisher.publishSettled();
    open();
    await Promise.all([first, second]);
    expect(steps).toEqual(["publish a 1, skip none", "release none", "publish a 2, skip none", "release none"]);
    expect([publisher.isPublishing(a), publisher.unpublishedCount]).toEqual([false, 0]);
  });

  test("releases under the exclusive lock: readers that are under way keep their blocks", async () => {
    const { publisher, steps, locks } = new Walk();
    const a = collection("a");
    const { held, open } = gate();
    locks.set("a", new ReadWriteLock());
    const reading = locks.get("a")!.shared(() => held);
    publisher.defer(a, manifest(1));
    publisher.defer(a, manifest(2));
    const publishing = publisher.publishSettled();
    await turns();
    expect(steps).toEqual(["publish a 2, skip 1"]);
    open();
    await Promise.all([reading, publishing]);
    expect(steps).toEqual(["publish a 2, skip 1", "release 1"]);
  });

  test("tells a failed commit to whoever published, and tries again the next time", async () => {
    const walk = new Walk();
    const { publisher, steps } = walk;
    const a = collection("a");
    publisher.defer(a, manifest(1));
    walk.onPublish = () => Promise.reject(new TidepoolError("QUOTA_EXCEEDED", "full"));
    await expect(publisher.publishSettled()).rejects.toThrow("full");
    expect([publisher.unpublishedCount, publisher.isPublishing(a)]).toEqual([1, false]);
    walk.onPublish = () => undefined;
    publisher.defer(a, manifest(2));
    await publisher.publishSettled();
    expect(steps).toEqual(["publish a 1, skip none", "publish a 2, skip 1", "release 1"]);
  });

  test("gives up what a closed collection has waiting, and says so when that fails", async () => {
    const walk = new Walk();
    const { publisher, steps, failures } = walk;
    const a = collection("a");
    publisher.giveUp(a);
    publisher.defer(a, manifest(1));
    publisher.defer(a, manifest(2));
    const failure = new TidepoolError("INTERNAL", "no such space");
    walk.onRelease = () => Promise.reject(failure);
    publisher.giveUp(a);
    await turns();
    expect([steps, failures]).toEqual([["release 1 2"], [failure]]);
    await publisher.publishSettled();
    expect(steps).toEqual(["release 1 2"]);
  });

  test("publishes nothing of a dropped collection, and hands out what it had waiting once it is done with it", async () => {
    const walk = new Walk();
    const { publisher, steps } = walk;
    const [a, b] = [collection("a"), collection("b")];
    const { held, open } = gate();
    walk.onPublish = () => held;
    publisher.defer(a, manifest(1));
    publisher.defer(b, manifest(2));
    const publishing = publisher.publishSettled();
    await turns();
    publisher.defer(a, manifest(3));
    a.dropped = b.dropped = true;
    const forgotten = Promise.all([publisher.forget(a), publisher.forget(b)]);
    open();
    await publishing;
    expect(await forgotten).toEqual([[manifest(3)], [manifest(2)]]);
    expect(steps).toEqual(["publish a 1, skip none", "release none"]);
    expect(publisher.unpublishedCount).toBe(0);
  });

  test("commits nothing more once it is halted, whatever waits", async () => {
    const walk = new Walk();
    const { publisher, steps, environment } = walk;
    const a = collection("a");
    walk.settledAt = environment.now() + 1000;
    publisher.defer(a, manifest(1));
    await publisher.publishSettled();
    publisher.defer(a, manifest(2));
    publisher.halt();
    environment.advance(1000);
    await publisher.publishSettled();
    await publisher.idle();
    expect(steps).toEqual(["stage a 1, skip none", "release none"]);
  });
});
