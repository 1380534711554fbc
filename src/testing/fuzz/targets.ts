/** All targets, in the order in which they are tried. */

import { fuzz } from "../rest/fuzz.js";
import { fuzzBlocks } from "./fuzz-blocks.js";
import { fuzzBodies } from "./fuzz-bodies.js";
import { fuzzBroker } from "./fuzz-broker.js";
import { fuzzDatabase } from "./fuzz-database.js";
import { fuzzKeys } from "./fuzz-keys.js";
import { fuzzMessages } from "./fuzz-messages.js";
import { fuzzRows } from "./fuzz-rows.js";
import type { FuzzTarget } from "./fuzz-target.js";

/** The REST gateway beside its model; `gateway.fuzz.test.ts` tries as many in `npm test`. */
const fuzzModel: FuzzTarget = { name: "model", inputs: 60, seeds: 200, run: fuzz };

export const targets: readonly FuzzTarget[] = [
  fuzzBlocks,
  fuzzRows,
  fuzzDatabase,
  fuzzMessages,
  fuzzBroker,
  fuzzBodies,
  fuzzKeys,
  fuzzModel,
];
