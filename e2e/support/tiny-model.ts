/**
 * A model of text embeddings as Hugging Face's are, small enough to be written by hand: a table of vectors for a few words, in which a
 * text's tokens are looked up. `last_hidden_state` has a vector for each token, `sentence_embedding` their mean.
 *
 * The file format is ONNX, a protocol buffer (github.com/onnx/onnx, onnx.proto); only the fields that are needed are written.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Words by their meaning: each is a direction of its own. */
const meanings = [["boats", "harbour", "ships", "port"], ["music", "violin", "plays"], ["office", "oslo", "moved"], ["query"], ["passage"]];
const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];

/** Length of the vectors. */
export const TINY_DIMENSION = meanings.length;
/** Tokens that the model says that it reads at once, the first and last of them special ones. */
export const TINY_TOKENS = 10;

/** Writes the model's files, as `localModelPath` has them. */
export async function writeTinyModel(folder: string): Promise<void> {
  await mkdir(join(folder, "onnx"), { recursive: true });
  const words = [...special, ...meanings.flat()];
  for (const [name, content] of Object.entries(jsonFiles(words))) await writeFile(join(folder, name), JSON.stringify(content));
  await writeFile(join(folder, "onnx/model.onnx"), onnx(words.map(vectorOf)));
}

/** Special tokens and unknown words have zeros. */
function vectorOf(word: string): number[] {
  return meanings.map((words) => (words.includes(word) ? 1 : 0));
}

function jsonFiles(words: readonly string[]): Record<string, object> {
  const vocab = Object.fromEntries(words.map((word, id) => [word, id]));
  const token = (content: string) => ({ id: vocab[content], content, special: true, single_word: false, lstrip: false, rstrip: false });
  const one = { Sequence: { id: "A", type_id: 0 } };
  const around = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  return {
    "config.json": { model_type: "bert", architectures: ["BertModel"], hidden_size: TINY_DIMENSION, max_position_embeddings: TINY_TOKENS },
    "tokenizer_config.json": {
      tokenizer_class: "PreTrainedTokenizer",
      model_max_length: TINY_TOKENS,
      pad_token: "[PAD]",
      unk_token: "[UNK]",
      cls_token: "[CLS]",
      sep_token: "[SEP]",
    },
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: special.map(token),
      normalizer: { type: "Lowercase" },
      pre_tokenizer: { type: "Whitespace" },
      post_processor: {
        type: "TemplateProcessing",
        single: [around("[CLS]"), one, around("[SEP]")],
        pair: [around("[CLS]"), one, around("[SEP]"), { Sequence: { id: "B", type_id: 1 } }, around("[SEP]")],
        special_tokens: Object.fromEntries(["[CLS]", "[SEP]"].map((id) => [id, { id, ids: [vocab[id]], tokens: [id] }])),
      },
      decoder: null,
      model: { type: "WordLevel", vocab, unk_token: "[UNK]" },
    },
  };
}

/** Element types and kinds of attributes. */
const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_INTS = 7;
const ATTRIBUTE_INT = 2;

function onnx(table: readonly number[][]): Uint8Array {
  const dimension = table[0]!.length;
  const weights = [
    ...[table.length, dimension].map((size) => field(1, size)),
    field(2, FLOAT),
    field(8, "table"),
    field(9, new Uint8Array(Float32Array.from(table.flat()).buffer)),
  ];
  const graph = [
    field(1, node("Gather", ["table", "input_ids"], "last_hidden_state")),
    field(1, node("ReduceMean", ["last_hidden_state"], "sentence_embedding", [axes(1), keepNoDimension()])),
    field(2, "tiny"),
    field(5, joined(weights)),
    field(11, value("input_ids", INT64, ["texts", "tokens"])),
    field(12, value("last_hidden_state", FLOAT, ["texts", "tokens", dimension])),
    field(12, value("sentence_embedding", FLOAT, ["texts", dimension])),
  ];
  const opset = joined([field(1, ""), field(2, 13)]);
  return joined([field(1, 8), field(7, joined(graph)), field(8, opset)]);
}

function node(kind: string, inputs: string[], output: string, attributes: Uint8Array[] = []): Uint8Array {
  return joined([
    ...inputs.map((input) => field(1, input)),
    field(2, output),
    field(4, kind),
    ...attributes.map((attribute) => field(5, attribute)),
  ]);
}

function axes(axis: number): Uint8Array {
  return joined([field(1, "axes"), field(8, axis), field(20, ATTRIBUTE_INTS)]);
}

function keepNoDimension(): Uint8Array {
  return joined([field(1, "keepdims"), field(3, 0), field(20, ATTRIBUTE_INT)]);
}

function value(name: string, type: number, sizes: (string | number)[]): Uint8Array {
  const dimensions = sizes.map((size) => field(1, typeof size === "string" ? field(2, size) : field(1, size)));
  const tensor = joined([field(1, type), field(2, joined(dimensions))]);
  return joined([field(1, name), field(2, field(1, tensor))]);
}

/** A field of a message: a number as a varint, all else with its length before it. */
function field(number: number, content: number | string | Uint8Array): Uint8Array {
  if (typeof content === "number") return joined([varint(number << 3), varint(content)]);
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return joined([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, value]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
