import * as tidepool from "tidepool-db";
import { exercise } from "./exercise.js";

globalThis.packed = exercise(tidepool);
