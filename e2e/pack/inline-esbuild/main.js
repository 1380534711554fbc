import * as tidepool from "tidepool-db/inline";
import { exercise } from "./exercise.js";

globalThis.packed = exercise(tidepool);
