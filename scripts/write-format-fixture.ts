/**
 * Writes the fixture of the present on-disk format, which `src/storage/format-fixture.test.ts` reads. While the format is
 * not released a change of it may write the fixture anew; afterwards the committed file stays as it is.
 *
 * Usage: node scripts/run.mjs scripts/write-format-fixture.ts
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { makeFixture } from "../src/testing/format-fixture.js";

const fixture = await makeFixture();
const file = fileURLToPath(new URL(`../src/testing/fixtures/format-${fixture.formatVersion}.json`, import.meta.url));
// One line for each row, log record, block and collection.
const lines = (value: unknown): string =>
  Array.isArray(value) ? `[\n${value.map((one) => JSON.stringify(one)).join(",\n")}\n]` : JSON.stringify(value);
const text = `{\n${Object.entries(fixture)
  .map(([name, value]) => `${JSON.stringify(name)}: ${lines(value)}`)
  .join(",\n")}\n}\n`;
await writeFile(file, text);
process.stdout.write(`${file}: ${fixture.blobs.length} blocks, ${fixture.log.length} log records, ${Math.round(text.length / 1000)} kB\n`);
