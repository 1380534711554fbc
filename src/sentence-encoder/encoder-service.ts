/**
 * What the encoder's worker does: loads the model once, and serves calls in the order in which they came, with turns between windows
 * and texts, so that one that is taken back ends there.
 */
import { TidepoolError } from "../core/errors.js";
import { asError } from "../worker/protocol.js";
import { DIMENSION, type Encoder } from "./encoder.js";
import type { LoadProgress } from "./load-progress.js";
import type { FromWorker, ToWorker } from "./messages.js";

/** What the service needs of where it runs. */
export interface EncoderSurroundings {
  /** Brings the model, from this address or from where the package has it. */
  open(modelUrl: string | null, onProgress: (progress: LoadProgress) => void): Promise<Encoder>;
  post(message: FromWorker, transfer: Transferable[]): void;
  /** Lets messages come in. */
  turn(): Promise<void>;
}

type Call = Extract<ToWorker, { kind: "embed" }>;

/** Thrown through the work on a call that was taken back. */
const takenBack = new Error("taken back");

/** The worker's side. */
export class EncoderService {
  readonly #surroundings: EncoderSurroundings;
  readonly #calls = new Map<number, Call>();
  #encoder: Promise<Encoder | null> = Promise.resolve(null);
  #isServing = false;

  constructor(surroundings: EncoderSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Takes a message of the page. */
  receive(message: ToWorker): void {
    if (message.kind === "start") this.#encoder = this.#load(message.modelUrl);
    else if (message.kind === "abort") this.#calls.delete(message.call);
    else {
      this.#calls.set(message.call, message);
      if (!this.#isServing) void this.#serve();
    }
  }

  /** `null` when there is no model to be had, which the page is told. */
  async #load(modelUrl: string | null): Promise<Encoder | null> {
    try {
      return await this.#surroundings.open(modelUrl, (progress) => this.#post({ kind: "loading", progress }));
    } catch (error) {
      this.#post({ kind: "unloadable", ...told(error) });
      return null;
    }
  }

  async #serve(): Promise<void> {
    this.#isServing = true;
    const encoder = await this.#encoder;
    for (let call = this.#next(); encoder !== null && call !== undefined; call = this.#next()) {
      try {
        const embeddings = await this.#embed(encoder, call);
        this.#post({ kind: "answer", call: call.call, embeddings }, [embeddings.buffer]);
      } catch (error) {
        if (error !== takenBack) this.#post({ kind: "failed", call: call.call, ...told(error) });
      }
      this.#calls.delete(call.call);
    }
    this.#isServing = false;
  }

  /** The oldest call. */
  #next(): Call | undefined {
    return this.#calls.values().next().value;
  }

  async #embed(encoder: Encoder, { call, texts }: Call): Promise<Float32Array<ArrayBuffer>> {
    const turn = async (): Promise<void> => {
      await this.#surroundings.turn();
      if (!this.#calls.has(call)) throw takenBack;
    };
    const embeddings = new Float32Array(texts.length * DIMENSION);
    for (const [i, text] of texts.entries()) {
      embeddings.set(await encoder.embed(text, turn), i * DIMENSION);
      this.#post({ kind: "embedded", call, texts: i + 1 });
      await turn();
    }
    return embeddings;
  }

  #post(message: FromWorker, transfer: Transferable[] = []): void {
    this.#surroundings.post(message, transfer);
  }
}

function told(thrown: unknown): { code: TidepoolError["code"]; message: string } {
  const { message } = asError(thrown);
  return { code: thrown instanceof TidepoolError ? thrown.code : "EMBEDDING_FUNCTION", message };
}
