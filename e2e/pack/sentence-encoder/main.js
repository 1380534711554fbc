import { TidepoolClient } from "tidepool-db";
import { SentenceEncoder } from "tidepool-db/sentence-encoder";
import { exerciseEncoder } from "./exercise-encoder.js";

globalThis.packed = exerciseEncoder({ TidepoolClient, SentenceEncoder });
