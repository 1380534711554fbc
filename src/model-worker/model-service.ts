/**
 * What a model's worker does: loads the model once, and serves calls in the order in which they came, with turns on the way, so that
 * one that is taken back ends there.
 */
import { TidepoolError } from "../core/errors.js";
import { asError } from "../worker/protocol.js";
import type { FromWorker, ToWorker } from "./messages.js";

/** What a model is given on its way through the texts of a call. */
export interface OnTheWay {
  /** Lets messages come in. Throws when nobody waits for the call any more. */
  turn(): Promise<void>;
  /** Takes how many texts are done. */
  onEmbedded(texts: number): void;
}

/** What embeds texts. */
export interface Model {
  /** One embedding per text, all of one length, one after the other. `prefix` stands before each text. */
  embed(texts: readonly string[], prefix: string, onTheWay: OnTheWay): Promise<Float32Array<ArrayBuffer>>;
}

/** What the service needs of where it runs. */
export interface ModelSurroundings<Start, News> {
  /** Brings the model, and tells on the way how that goes. */
  open(start: Start, tell: (news: News) => void): Promise<Model>;
  post(message: FromWorker<News>, transfer: Transferable[]): void;
  /** Lets messages come in. */
  turn(): Promise<void>;
}

type Call = Extract<ToWorker<never>, { kind: "embed" }>;

/** Thrown through the work on a call that was taken back. */
const takenBack = new Error("taken back");

/** The worker's side. */
export class ModelService<Start, News> {
  readonly #surroundings: ModelSurroundings<Start, News>;
  readonly #calls = new Map<number, Call>();
  #model: Promise<Model | null> = Promise.resolve(null);
  #isServing = false;

  constructor(surroundings: ModelSurroundings<Start, News>) {
    this.#surroundings = surroundings;
  }

  /** Takes a message of the page. */
  receive(message: ToWorker<Start>): void {
    if (message.kind === "start") this.#model = this.#load(message.start);
    else if (message.kind === "abort") this.#calls.delete(message.call);
    else {
      this.#calls.set(message.call, message);
      if (!this.#isServing) void this.#serve();
    }
  }

  /** `null` when there is no model to be had, which the page is told. */
  async #load(start: Start): Promise<Model | null> {
    try {
      return await this.#surroundings.open(start, (news) => this.#post({ kind: "news", news }));
    } catch (error) {
      this.#post({ kind: "unloadable", ...told(error) });
      return null;
    }
  }

  async #serve(): Promise<void> {
    this.#isServing = true;
    const model = await this.#model;
    for (let call = this.#next(); model !== null && call !== undefined; call = this.#next()) {
      try {
        const embeddings = await this.#embed(model, call);
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

  async #embed(model: Model, { call, texts, prefix }: Call): Promise<Float32Array<ArrayBuffer>> {
    if (texts.length === 0) return new Float32Array();
    const turn = async (): Promise<void> => {
      await this.#surroundings.turn();
      if (!this.#calls.has(call)) throw takenBack;
    };
    return model.embed(texts, prefix, { turn, onEmbedded: (count) => this.#post({ kind: "embedded", call, texts: count }) });
  }

  #post(message: FromWorker<News>, transfer: Transferable[] = []): void {
    this.#surroundings.post(message, transfer);
  }
}

function told(thrown: unknown): { code: TidepoolError["code"]; message: string } {
  const { message } = asError(thrown);
  return { code: thrown instanceof TidepoolError ? thrown.code : "EMBEDDING_FUNCTION", message };
}
