/**
 * Verifies what is on disk while reads and writes go on: the catalog as a whole, and each collection by its manifests. What is being
 * read is not freed meanwhile (`BlockStore.hold`), so no lock is held: a manifest and its blocks never change. The log is read up
 * to the tail that it had at first; when it was truncated meanwhile, it is read again.
 */

import type { Tick } from "../base/turns.js";
import type { BlockRef, BlockStore } from "../blockstore/blockstore.js";
import { ordinalRefs } from "../blockstore/ordinal-blockfile.js";
import { TidepoolError } from "../errors.js";
import type { Progress } from "../events.js";
import type { LoadStem } from "../index/text/analyzer.js";
import type { Log } from "../log/log.js";
import { IndexPolicy } from "../schema.js";
import { segmentRefs } from "../segment/text-segment.js";
import type { CatalogReport, CollectionReport, Finding } from "../service.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { Manifest } from "../sysdb/manifest.js";
import type { SysDb } from "../sysdb/sysdb.js";
import { Inspection, placeOf } from "./inspection.js";
import { sectionKinds, verifySections } from "./parts.js";

export interface VerifierParts {
  sysdb: SysDb;
  blocks: Pick<BlockStore, "readBytes" | "hold">;
  log: Pick<Log, "verify">;
  tick: Tick;
  loadStem: LoadStem;
}

/** How often the log is read again that was truncated meanwhile. */
const LOG_ATTEMPTS = 5;

/** Whom a verification is for. */
export interface VerifyCaller {
  /** Whether nobody waits for it any more: it ends with `ABORTED` at its next turn. */
  isCancelled?: (() => boolean) | undefined;
  /** Told some fifty times in the course of it. */
  tell?: (progress: Progress) => void;
}

/** How often a caller is told how far it is. */
const TOLD_TIMES = 50;

export class Verifier {
  readonly #parts: VerifierParts;

  constructor(parts: VerifierParts) {
    this.#parts = parts;
  }

  /** Every row of the catalog, and whether the manifests give each block one use. */
  async catalog(): Promise<CatalogReport> {
    const { catalog, directory, manifests } = this.#parts.sysdb;
    const { rows, damage } = await catalog.inspect();
    const missed = directory.missing.filter(({ key }) => !damage.some((row) => row.key === key));
    const findings = [...damage, ...missed].map(
      ({ key, what }): Finding => ({ kind: "catalog", place: key, message: `Catalog row "${key}" ${what}` }),
    );
    findings.push(...overlaps(manifests.blockRefs()));
    const collections = directory.everyCollection().map(({ id, name, tenant, database }) => ({ id, name, tenant, database }));
    return { isSound: findings.length === 0, rows, findings, collections, lost: directory.lostIds };
  }

  /** Takes turns block by block, in which it can be ended, too. */
  async collection(row: CollectionRow, deep: boolean, caller: VerifyCaller = {}): Promise<CollectionReport> {
    const { manifests } = this.#parts.sysdb;
    const release = this.#parts.blocks.hold();
    const inspection = this.#inspection(row, deep, { nextOrdinal: 0, count: 0 }, caller, 0);
    try {
      const latest = await inspection.attempt("catalog", row.id, async () => manifests.latest(row.id));
      if (latest === null) return reportOf(row, [inspection]);
      const main = this.#inspection(row, deep, latest, caller, bytesOf(latest, manifests.versions(row.id), deep));
      doubleUses(main, latest);
      await verifySections(latest.sections, main);
      await this.#log(row, main);
      await this.#others(row, latest, main);
      return reportOf(row, [inspection, main]);
    } finally {
      await release();
    }
  }

  #inspection(
    row: CollectionRow,
    deep: boolean,
    { nextOrdinal, count }: Pick<Manifest, "nextOrdinal" | "count">,
    caller: VerifyCaller,
    totalBytes: number,
  ): Inspection {
    const tick = this.#tickFor(caller);
    const blocks = this.#counted(tick, totalBytes, caller.tell);
    const { loadStem } = this.#parts;
    return new Inspection({ blocks, row, indexes: new IndexPolicy(row.schema), deep, nextOrdinal, count, tick, loadStem });
  }

  #tickFor({ isCancelled }: VerifyCaller): Tick {
    return () => {
      if (isCancelled?.()) throw new TidepoolError("ABORTED", "Nobody waits for this verification any more");
      return this.#parts.tick();
    };
  }

  /** The blocks, a turn before each of them, and the caller told from time to time how many bytes were read. */
  #counted(tick: Tick, totalBytes: number, tell: VerifyCaller["tell"]): Pick<BlockStore, "readBytes"> {
    let bytes = 0;
    let next = 0;
    const readBytes: BlockStore["readBytes"] = async (ref, owner) => {
      await tick();
      bytes += ref.length;
      if (bytes >= next) {
        next = bytes + totalBytes / TOLD_TIMES;
        tell?.({ bytes: Math.min(bytes, totalBytes), totalBytes });
      }
      return this.#parts.blocks.readBytes(ref, owner);
    };
    return { readBytes };
  }

  async #log(row: CollectionRow, inspection: Inspection): Promise<void> {
    const { sysdb, log } = this.#parts;
    const { tick } = inspection.context;
    for (let attempt = 1; ; attempt++) {
      const manifest = sysdb.manifests.published(row.id);
      let records = 0;
      const verify = async (): Promise<void> => {
        for await (const _ of log.verify(row, manifest)) {
          records++;
          await tick();
        }
      };
      const count = inspection.findingCount;
      await inspection.attempt("log", `after log record ${manifest.offset + records}`, verify);
      inspection.counts.logRecords = records;
      const wasTruncated = sysdb.manifests.published(row.id) !== manifest;
      if (inspection.findingCount === count || !wasTruncated || attempt === LOG_ATTEMPTS) return;
      inspection.forget(count);
    }
  }

  /** Blocks that only the published manifest, behind a staged one, and earlier versions name. */
  async #others(row: CollectionRow, latest: Manifest, inspection: Inspection): Promise<void> {
    const { manifests } = this.#parts.sysdb;
    const retained = (await inspection.attempt("catalog", row.id, async () => manifests.retained(row.id))) ?? [];
    const seen = new Set([...sectionKinds.refs(latest.sections)].map(placeOf));
    for (const { version, sections } of retained) {
      for (const ref of sectionKinds.refs(sections)) {
        if (seen.has(placeOf(ref))) continue;
        seen.add(placeOf(ref));
        await inspection.block("version", ref, inspection.owner(`version ${version}`));
      }
    }
  }
}

function reportOf({ id, name, tenant, database }: CollectionRow, inspections: readonly Inspection[]): CollectionReport {
  const { counts } = inspections.at(-1)!;
  const findings = inspections.flatMap((inspection) => inspection.findings);
  const findingCount = inspections.reduce((sum, inspection) => sum + inspection.findingCount, 0);
  return { id, name, tenant, database, isSound: findingCount === 0, counts, findings, findingCount };
}

/** Bytes of all blocks that are read: with `deep`, the payloads are read again to compare indexes with them. */
function bytesOf(latest: Manifest, versions: readonly Manifest[], deep: boolean): number {
  const lengths = new Map<string, number>();
  for (const { sections } of [latest, ...versions]) for (const ref of sectionKinds.refs(sections)) lengths.set(placeOf(ref), ref.length);
  let bytes = 0;
  for (const length of lengths.values()) bytes += length;
  if (!deep) return bytes;
  const { records, sparse, text } = latest.sections;
  const again = (text.segments === null ? 1 : 2) + sparse.indexes.length;
  for (const ref of ordinalRefs(records.payload)) bytes += again * ref.length;
  for (const ref of (text.segments ?? []).flatMap((segment) => [...segmentRefs(segment)])) bytes += ref.length;
  return bytes;
}

/** No manifest names a block twice: each row would be there twice. */
function doubleUses(inspection: Inspection, { sections }: Manifest): void {
  const seen = new Set<string>();
  for (const ref of sectionKinds.refs(sections)) {
    const place = placeOf(ref);
    if (seen.has(place)) inspection.find("manifest", place, `The manifest of ${inspection.owner("manifest")} names block ${place} twice`);
    seen.add(place);
  }
}

/** Blocks that lie over each other, of whichever manifests. */
function overlaps(refs: readonly BlockRef[]): Finding[] {
  const sorted = refs.toSorted((a, b) => a.arena - b.arena || a.offset - b.offset);
  return sorted.slice(1).flatMap((ref, i): Finding[] => {
    const before = sorted[i]!;
    if (before.arena !== ref.arena || before.offset + before.length <= ref.offset) return [];
    const message = `Manifests name block ${placeOf(ref)}, which overlaps block ${placeOf(before)}`;
    return [{ kind: "manifest", place: placeOf(ref), message }];
  });
}
