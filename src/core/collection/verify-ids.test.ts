import { expect, test } from "vitest";
import { fingerprintOf } from "../base/fingerprint.js";
import type { BlockRef } from "../blockstore/blockstore.js";
import { TidepoolError } from "../errors.js";
import { idFormat } from "../segment/record.js";
import { Inspection, type InspectionContext } from "./inspection.js";
import { verifyIds } from "./verify-ids.js";

const IDS_PER_BLOCK = 1000;

/** An inspection of blocks that hold these ids. */
function inspectionOf(ids: readonly string[]) {
  const blocks: Uint8Array[] = [];
  const section = Array.from({ length: Math.ceil(ids.length / IDS_PER_BLOCK) }, (_, offset) => {
    const first = offset * IDS_PER_BLOCK;
    const own = ids.slice(first, first + IDS_PER_BLOCK);
    const [bytes] = idFormat.encode(
      Uint32Array.from(own, (_, i) => first + i),
      own,
    );
    blocks.push(bytes!);
    return { first, last: first + own.length - 1, rows: own.length, refs: [{ arena: 0, offset, length: bytes!.length, crc32: 0 }] };
  });
  const readBytes = async ({ offset }: BlockRef): Promise<Uint8Array> => {
    const bytes = blocks[offset];
    if (bytes === undefined) throw new TidepoolError("CORRUPTION", `Block ${offset} is damaged`);
    return bytes;
  };
  const context = { blocks: { readBytes }, row: { name: "things" }, nextOrdinal: ids.length, count: ids.length };
  return { blocks, section, inspection: new Inspection(context as unknown as InspectionContext) };
}

test("an id that stands twice is found, and none beside it that shares its fingerprint", async () => {
  const ids = Array.from({ length: 20_000 }, (_, i) => `id ${i}`);
  ids[7123] = "id 12";
  ids[19_999] = "id 12";
  ids[5000] = "id 4999";
  const { section, inspection } = inspectionOf(ids);
  await verifyIds(section, inspection);
  expect(inspection.findings.map(({ place }) => place).sort()).toEqual(["id 12", "id 12", "id 4999"]);
  expect(inspection.findings[0]!.message).toContain("stands twice");
  expect(inspection.counts.records).toBe(ids.length);
  expect(inspection.live.count()).toBe(ids.length);
});

test("ids of the same fingerprint are told apart", async () => {
  const [one, other] = ["record 77989", "record 95843"];
  expect(fingerprintOf(one)).toBe(fingerprintOf(other));
  const { section, inspection } = inspectionOf([one, "between", other]);
  await verifyIds(section, inspection);
  expect(inspection.findings).toEqual([]);
});

test("a damaged block is told of once, and hides no id of others", async () => {
  const ids = Array.from({ length: 3000 }, (_, i) => `id ${i}`);
  ids[2500] = "id 3";
  const { blocks, section, inspection } = inspectionOf(ids);
  delete blocks[1];
  await verifyIds(section, inspection);
  expect(inspection.findings.map(({ message }) => message)).toEqual([
    "Block 1 is damaged",
    expect.stringContaining('Id "id 3" stands twice'),
  ]);
  expect(inspection.isWhole).toBe(false);
});
