import { exercise } from "./exercise.js";
import * as tidepool from "./tidepool/index.js";

globalThis.packed = exercise(tidepool);
