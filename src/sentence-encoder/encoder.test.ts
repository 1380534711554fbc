/** The encoder as it ships against Google's model: the fixture has TensorFlow.js's vectors, of which int8 costs 0.00003 of a cosine. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { cosineOf, floatEncoder, matrixKernel, sentenceEncoderForTests, sentenceModelBytes } from "../testing/sentence-encoder.js";
import { type Encoder, openEncoder } from "./encoder.js";

const fixture = new URL("../testing/fixtures/sentences.json", import.meta.url);
const noTurn = async (): Promise<void> => {};

let encoder: Encoder;
beforeAll(async () => {
  encoder = await sentenceEncoderForTests();
});

describe("embeddings", () => {
  let sentences: string[];
  let vectors: Int8Array[];
  beforeAll(async () => {
    const stored = JSON.parse(await readFile(fixture, "utf8")) as { sentences: string[]; vectors: string };
    const bytes = new Int8Array(Buffer.from(stored.vectors, "base64"));
    sentences = stored.sentences;
    vectors = sentences.map((_, i) => bytes.subarray(i * 512, (i + 1) * 512));
  });

  test("of 200 sentences are TensorFlow.js's, to a cosine of .999", async () => {
    expect(sentences).toHaveLength(200);
    const far: [string, number][] = [];
    for (const [i, sentence] of sentences.entries()) {
      const cosine = cosineOf(vectors[i]!, await encoder.embed(sentence, noTurn));
      if (!(cosine >= 0.999)) far.push([sentence, cosine]);
    }
    expect(far).toEqual([]);
  });

  test("with float32 weights are TensorFlow.js's", async () => {
    const floats = await floatEncoder();
    for (const i of [0, 13, 198]) expect(cosineOf(vectors[i]!, floats.embed(sentences[i]!))).toBeGreaterThan(0.99995);
  });

  test("have unit length", async () => {
    const vector = await encoder.embed("Low tide uncovers the pools.", noTurn);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
  });
});

describe("long texts", () => {
  const words = Array.from({ length: 90 }, (_, i) => ["tide", "pool", "crab", "sand", "wave"][(i * i) % 5]);
  /** One piece per word, so that windows can be cut by hand. */
  const text = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => (["the", "to", "and", "of"] as const)[(from + i) ** 2 % 4]).join(" ");

  test("of up to 128 pieces are read at once, longer ones in windows that overlap by 32", async () => {
    const whole = await encoder.embed(text(0, 250), noTurn);
    const parts = await Promise.all([text(0, 128), text(96, 224), text(192, 250)].map((part) => encoder.embed(part, noTurn)));
    expect(
      cosineOf(
        whole,
        parts[0]!.map((value, i) => value + parts[1]![i]! + parts[2]![i]!),
      ),
    ).toBeGreaterThan(0.999999);
    expect(Math.hypot(...whole)).toBeCloseTo(1, 6);
  });
  test("have no window without new pieces", async () => {
    let turns = 0;
    const count = async (): Promise<void> => void turns++;
    await encoder.embed(text(0, 128), count);
    expect(turns).toBe(0);
    await encoder.embed(text(0, 224), count);
    expect(turns).toBe(2);
  });
  test("end where a turn throws", async () => {
    const stop = (): Promise<void> => Promise.reject(new Error("stopped"));
    await expect(encoder.embed(words.join(" ").repeat(4), stop)).rejects.toThrow("stopped");
  });
});

test.each(["", "  ", "\u200b"])("of %j there is nothing to embed", async (text) => {
  expect(await encoder.embed(text, noTurn)).toEqual(new Float32Array(512));
});

describe("loading", () => {
  let module: WebAssembly.Module;
  let bytes: Uint8Array<ArrayBuffer>;
  beforeAll(async () => {
    module = await matrixKernel();
    bytes = await sentenceModelBytes();
  });
  const streamOf = (...parts: Uint8Array<ArrayBuffer>[]): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        for (const part of parts) controller.enqueue(part);
        controller.close();
      },
    });

  test("tells how far it is, however the bytes come", async () => {
    const told: number[] = [];
    const parts = [bytes.slice(0, 5), bytes.slice(5, 1_000_000), bytes.slice(1_000_000)];
    const loaded = await openEncoder(module, streamOf(...parts), ({ loadedBytes, totalBytes }) => told.push(loadedBytes, totalBytes));
    expect(told).toEqual([1_000_000, bytes.length, bytes.length, bytes.length]);
    expect(await loaded.embed("tide", noTurn)).toEqual(await encoder.embed("tide", noTurn));
  });
  test.each([
    ["nothing", (): Uint8Array<ArrayBuffer> => new Uint8Array(0), "it has 0 bytes"],
    ["another file", () => new TextEncoder().encode("<!DOCTYPE html><p>Not found"), 'it begins with "<!DOCTYPE html><'],
    ["a part of it", () => bytes.slice(0, 2_000_000), "it has 2000000 bytes, and"],
    ["more than it", () => new Uint8Array([...bytes.slice(0, 100), ...bytes]), "it is not whole"],
    ["one of another release", () => Uint8Array.from(bytes.slice(0, 64), (byte, i) => (i === 4 ? 9 : byte)), "its version is 9"],
  ])("refuses %s", async (_, content, message) => {
    const failure = openEncoder(module, streamOf(content()));
    await expect(failure).rejects.toMatchObject({ code: "EMBEDDING_FUNCTION", message: expect.stringContaining(message) });
  });
});
