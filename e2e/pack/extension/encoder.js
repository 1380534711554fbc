import { exerciseEncoder } from "./exercise-encoder.js";
import { TidepoolClient } from "./tidepool/index.js";
import { SentenceEncoder } from "./tidepool/sentence-encoder.js";

globalThis.packed = exerciseEncoder({ TidepoolClient, SentenceEncoder });
