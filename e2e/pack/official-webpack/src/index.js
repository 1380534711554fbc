import * as chroma from "chromadb";
import * as tidepool from "tidepool-db";
import * as rest from "tidepool-db/rest";
import { exerciseOfficial } from "../exercise-official.js";

globalThis.packed = exerciseOfficial(chroma, tidepool, rest);
