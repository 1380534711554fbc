/**
 * Collections that are opened ahead: what their manifests say is read while another engine still has the lease, so that whoever
 * gets it next goes on from there with the log.
 *
 * Invariants: nothing is written, and no log is read, since only the holder knows how far it goes. A collection is handed over only
 * where its row and the manifest that the new holder finds under the lease are to the letter those that it was opened with. Blocks
 * are immutable and each was checked against its checksum, so it is what opening now would give. One at which anything is amiss
 * is left to the ordinary opening, which tells of it.
 */
import type { Tick } from "../base/turns.js";
import type { BlockStore } from "../blockstore/blockstore.js";
import { limits } from "../limits.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { Manifest } from "../sysdb/manifest.js";
import { CollectionState, type StateContext } from "./collection-state.js";

/** A collection and the manifest to open it with. */
export interface Openable {
  row: CollectionRow;
  manifest: Manifest;
}

interface Ahead {
  /** Row and manifest, to the letter. */
  key: string;
  state: CollectionState;
}

/** A collection that is being opened. */
interface Opening {
  id: string;
  key: string;
  /** Whether it is still of use as it is being opened. */
  isWanted: boolean;
  ended: Promise<void>;
}

/** Bytes of memory that a record takes beside its codes: estimated, with its id and its links. */
const BYTES_PER_RECORD = 400;

const noLog: StateContext["log"] = { replay: async function* () {} };

export class CollectionsAhead {
  /** The engine's, too, once that is open. */
  readonly blocks: BlockStore;
  readonly #context: Omit<StateContext, "blocks" | "log" | "tick" | "warn" | "noteWork" | "noteReading" | "noteOtherWords">;
  readonly #ahead = new Map<string, Ahead>();
  #opening: Opening | null = null;

  constructor(
    blocks: BlockStore,
    context: Omit<StateContext, "blocks" | "log" | "tick" | "warn" | "noteWork" | "noteReading" | "noteOtherWords">,
  ) {
    this.blocks = blocks;
    this.#context = context;
  }

  /**
   * Opens those that are not open as they are now, as many as there is room for, and lets go of all others. Once `isOver`, none is begun
   * any more; the one that is being opened goes on, and may be taken.
   */
  async update(collections: readonly Openable[], tick: Tick, isOver: () => boolean): Promise<void> {
    const wanted = collections.filter(({ row }) => row.configuration.hnsw.engine === undefined);
    const keys = new Map(wanted.map((openable) => [openable.row.id, keyOf(openable)]));
    for (const [id, { key }] of this.#ahead) if (keys.get(id) !== key) this.#letGo(id);
    let room = limits.aheadBytesMax;
    for (const openable of wanted) {
      room -= bytesOf(openable);
      if (room < 0 || isOver()) return;
      if (!this.#ahead.has(openable.row.id)) await this.#open(openable, tick);
    }
  }

  async #open(openable: Openable, tick: Tick): Promise<void> {
    const opening: Opening = { id: openable.row.id, key: keyOf(openable), isWanted: true, ended: Promise.resolve() };
    this.#opening = opening;
    opening.ended = this.#read(openable, opening, tick);
    await opening.ended.finally(() => (this.#opening = null));
  }

  async #read({ row, manifest }: Openable, opening: Opening, tick: Tick): Promise<void> {
    let isSound = true;
    const warn = (): void => void (isSound = false);
    const wantedTick = (): Promise<void> | void => {
      if (!opening.isWanted) throw new Error("The collection has changed");
      return tick();
    };
    const context = {
      ...this.#context,
      blocks: this.blocks,
      log: noLog,
      tick: wantedTick,
      warn,
      noteWork: ignore,
      noteReading: ignore,
      noteOtherWords: ignore,
    };
    const state = await CollectionState.open(row, manifest, context);
    await state.records.index().catch(warn);
    if (isSound && opening.isWanted) this.#ahead.set(row.id, { key: opening.key, state });
    else state.dispose();
  }

  /** The collection, if it is here or about to be, with its log; `null` where it is to be opened. */
  async take(row: CollectionRow, manifest: Manifest, context: StateContext): Promise<CollectionState | null> {
    const key = keyOf({ row, manifest });
    const opening = this.#opening;
    if (opening?.id === row.id) {
      opening.isWanted = opening.key === key;
      // What goes wrong there is told by the ordinary opening.
      if (opening.isWanted) await opening.ended.catch(() => undefined);
    }
    const ahead = this.#ahead.get(row.id);
    if (ahead?.key !== key) {
      this.#letGo(row.id);
      return null;
    }
    this.#ahead.delete(row.id);
    await ahead.state.goOn(context);
    return ahead.state;
  }

  #letGo(id: string): void {
    this.#ahead.get(id)?.state.dispose();
    this.#ahead.delete(id);
  }
}

function keyOf({ row, manifest }: Openable): string {
  return JSON.stringify([row, manifest]);
}

function ignore(): void {}

/** About how many bytes of memory the index of a collection takes once it is open. Inverted lists leave their codes on disk. */
export function indexBytesOf({ row, manifest: { sections } }: Openable): number {
  const count = sections.records.ids.reduce((sum, { rows }) => sum + rows, 0);
  const { spann, hnsw } = row.configuration;
  const perVector = spann === undefined && sections.vectors.isListed !== true ? 16 + (sections.vectors.dimension ?? 0) : 8;
  return count * (12 + perVector) + (sections.vectors.graph === null ? 0 : count * (8 * hnsw.max_neighbors + 20));
}

function bytesOf({ row, manifest: { count, sections } }: Openable): number {
  const { dimension, isListed } = sections.vectors;
  const codeBytes = row.configuration.spann !== undefined || isListed ? 0 : (dimension ?? 0);
  return count * (codeBytes + BYTES_PER_RECORD);
}
