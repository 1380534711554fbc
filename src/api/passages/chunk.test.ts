import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ChunkOptions, chunk, type Passage } from "./chunk.js";
import { estimateTokens } from "./token-estimate.js";

const words = (text: string): number => text.match(/\S+/g)?.length ?? 0;
const textsOf = (passages: readonly Passage[]): string[] => passages.map(({ text }) => text);

const SCRIPTS = [
  "The tide comes in twice a day. Rock pools fill, e.g. with crabs! Who looks after them? ",
  "Прилив приходит дважды в день. Крабы прячутся под камнями! ",
  "潮汐每天涨落两次。螃蟹藏在岩石下面！南京市长江大桥很长，海水很深。",
  "潮だまりには小さなカニがいます。データベースは速い。",
  "น้ำขึ้นวันละสองครั้งปูซ่อนตัวอยู่ใต้ก้อนหินทะเลสวยมาก ",
  "서울에서 바다까지 두 시간이 걸립니다. 게는 바위 밑에 숨습니다. ",
  "المد يأتي مرتين في اليوم. السرطان يختبئ تحت الصخور؟ ",
  "दिन में दो बार ज्वार आता है। केकड़े चट्टानों के नीचे छिपते हैं। ",
  "cafe\u0301 naïve e\u0301\u0302 👩‍👩‍👧 🇩🇪🇫🇷 👍🏽 \ud83d \udc00 x\u200dy ",
  "\n# A heading\n\n- one item\n  and more\n- another\n  - deeper\n\n1. first\n\n   continued\n",
  "\n```ts\nfunction tide() {\n  return 1;\n}\n\nconst a = 1;\n```\n\n",
  "\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nTitle\n=====\n\nBelow it.\r\n\r\nWindows.\r\n",
  "https://example.com/a/very/long/path?with=many&parts=of#it ",
  "\t  \n\n\u3000\u00a0 ",
  "~~~\nnever closed\n\n\n",
];

/** Texts of everything that may stand beside each other. */
const texts = fc.array(fc.oneof(fc.constantFrom(...SCRIPTS), fc.string({ unit: "binary", maxLength: 20 }), fc.string({ maxLength: 30 })), {
  maxLength: 12,
});
const counters: ((text: string) => number)[] = [estimateTokens, words, (text) => Math.ceil(text.length / 4), (text) => text.length];
const options = fc
  .record({
    maxTokens: fc.integer({ min: 1, max: 60 }),
    share: fc.double({ min: 0, max: 0.9, noNaN: true }),
    tokenizer: fc.constantFrom(...counters),
    format: fc.constantFrom("markdown" as const, "text" as const, "code" as const),
  })
  .map(({ share, ...rest }) => ({ ...rest, overlap: Math.floor(share * rest.maxTokens) }));

/** What holds of any passages of any text. */
function check(
  source: string,
  passages: readonly Passage[],
  { maxTokens, overlap, tokenizer }: Required<Pick<ChunkOptions, "maxTokens" | "overlap">> & { tokenizer: (text: string) => number },
): void {
  let covered = 0;
  const graphemes = new Set(Array.from(new Intl.Segmenter("en", { granularity: "grapheme" }).segment(source), ({ index }) => index));
  for (const [i, { text, start, end }] of passages.entries()) {
    expect(source.slice(start, end)).toBe(text);
    expect(end).toBeGreaterThan(covered);
    expect(source.slice(covered, Math.max(start, covered)).trim()).toBe("");
    if (i > 0) expect(start).toBeGreaterThan(passages[i - 1]!.start);
    if (start < covered) expect(tokenizer(source.slice(start, covered).trim())).toBeLessThanOrEqual(overlap);
    for (const place of [start, end]) expect(place === source.length || graphemes.has(place)).toBe(true);
    // A space with a mark on it is one grapheme.
    if (tokenizer(text) > maxTokens) expect(text).not.toMatch(/\s(?!\p{M})/u);
    covered = end;
  }
  expect(source.slice(covered).trim()).toBe("");
}

describe("whatever the text", () => {
  test("passages hold all of it, in order, within their size, by their offsets", async () => {
    await fc.assert(
      fc.asyncProperty(texts, options, async (parts, given) => {
        const source = parts.join("");
        check(source, await chunk(source, given), given);
      }),
      { numRuns: 300 },
    );
  });

  const size = 200_000;
  test.each<[string, string]>([
    ["no spaces", "a".repeat(size)],
    ["only line ends", "\n".repeat(size)],
    ["only spaces", " ".repeat(size)],
    ["Chinese without punctuation", "南京市长江大桥".repeat(size / 7)],
    ["minified code", "a.b(c);{d=e}".repeat(size / 12)],
    ["one line of prose", "The tide comes in twice a day and so on ".repeat(size / 40)],
    ["sentences", SCRIPTS[0]!.repeat(size / 90)],
    ["short lines", "- a\n".repeat(size / 4)],
    ["headings alone", "# a\n".repeat(size / 4)],
    ["a fence that is never closed", `\`\`\`\n${"a b\n\n".repeat(size / 5)}`],
    ["lone surrogates", "\ud800 \udc00".repeat(size / 3)],
    ["carriage returns", "a b.\r\r\n".repeat(size / 7)],
    ["a wide table", `| a | b |\n|---|---|\n${"| 1 | 2 |\n".repeat(size / 10)}`],
    ["marks", `e${"\u0301".repeat(size)}`],
  ])("%s is no trap", async (_, source) => {
    const passages = await chunk(source, { maxTokens: 128, overlap: 16 });
    for (const { text, start, end } of passages) expect(source.slice(start, end)).toBe(text);
    const covered = passages.reduce((end, passage) => (source.slice(end, passage.start).trim() === "" ? passage.end : Number.NaN), 0);
    expect(source.slice(covered).trim()).toBe("");
    for (const { text } of passages) if (estimateTokens(text) > 128) expect(text).not.toMatch(/\s/);
  });
});

test("nothing long is counted whole: one line, one word, a text without spaces", async () => {
  for (const source of ["tide pools and the sea ".repeat(5_000), "Low tide. ".repeat(10_000), "a".repeat(100_000), "潮".repeat(20_000)]) {
    let longest = 0;
    const tokenizer = (text: string): number => {
      longest = Math.max(longest, text.length);
      return estimateTokens(text);
    };
    await chunk(source, { tokenizer, maxTokens: 32 });
    expect(longest).toBeLessThanOrEqual(64 * 32);
  }
});

test("a signal ends it between two steps", async () => {
  const controller = new AbortController();
  let calls = 0;
  const tokenizer = (text: string): number => {
    if (++calls === 5) controller.abort();
    return words(text);
  };
  await expect(chunk("One. ".repeat(1000), { tokenizer, signal: controller.signal })).rejects.toMatchObject({ code: "ABORTED" });
  expect(calls).toBeLessThan(1000);
});

describe("Markdown", () => {
  test("headings begin passages, and stand with what is below them", async () => {
    const passages = await chunk("Before.\n\n# A\n\n## B `x`\n\nText.\n\n#### D\nMore.\n\n## [C](u) ##\n\nLast.\n\nSetext\n---\nEnd.");
    expect(passages.map(({ text, headings }) => [text, headings])).toEqual([
      ["Before.", []],
      ["# A\n\n## B `x`\n\nText.", ["A", "B x"]],
      ["#### D\nMore.", ["A", "B x", "D"]],
      ["## [C](u) ##\n\nLast.", ["A", "C"]],
      ["Setext\n---\nEnd.", ["A", "Setext"]],
    ]);
  });

  test("fenced code and tables that fit are not cut", async () => {
    const code = "```\n# no heading\n\na b c d\n\ne f g h\n```";
    const table = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |";
    for (const block of [code, table]) {
      const passages = await chunk(`Five words stand before it.\n\n${block}\n\nFive words stand after it.`, {
        maxTokens: words(block),
        tokenizer: words,
      });
      expect(textsOf(passages)).toContain(block);
    }
    expect(textsOf(await chunk(`# A heading\n\n${code}`, { maxTokens: words(code), tokenizer: words }))).toEqual(["# A heading", code]);
  });

  test("a fence that does not fit is cut at blank lines", async () => {
    expect(textsOf(await chunk("```\na b\nc d\n\ne f\ng h\n```", { maxTokens: 6, tokenizer: words }))).toEqual([
      "```\na b\nc d",
      "e f\ng h\n```",
    ]);
  });

  test("lists are cut between items", async () => {
    const list = "- one two three\n  four five\n- six seven. Eight\n- nine ten";
    const items = ["- one two three\n  four five", "- six seven. Eight\n- nine ten"];
    expect(textsOf(await chunk(list, { maxTokens: 8, tokenizer: words }))).toEqual(items);
  });

  test("paragraphs that fit are kept together, and lines of one are not sentences", async () => {
    const text = "One two\nthree four.\n\nFive six seven\neight. Nine ten.\n\nEnd.";
    expect(textsOf(await chunk(text, { maxTokens: 6, tokenizer: words }))).toEqual([
      "One two\nthree four.",
      "Five six seven\neight. Nine ten.",
      "End.",
    ]);
  });

  test("what must be cut in any case is taken in", async () => {
    const long = "A b c d. E f g h. I j k l. M n o p.";
    expect(textsOf(await chunk(`Short.\n\n${long}`, { maxTokens: 9, tokenizer: words }))).toEqual([
      "Short.\n\nA b c d. E f g h.",
      "I j k l. M n o p.",
    ]);
  });

  test("front matter is one block, and signs mean nothing in plain text", async () => {
    expect((await chunk("---\ntitle: a\n---\n\n# B\n\nc", {}))[1]).toMatchObject({ headings: ["B"] });
    expect(await chunk("# a\n\nb", { format: "text" })).toEqual([{ text: "# a\n\nb", start: 0, end: 6, headings: [] }]);
  });
});

test("code is cut between functions, and keeps its indentation", async () => {
  const code = "import a\n\ndef one():\n    x = 1\n\n    return x\n\ndef two():\n    return 2\n";
  expect(textsOf(await chunk(code, { format: "code", maxTokens: 8, tokenizer: words }))).toEqual([
    "import a",
    "def one():\n    x = 1\n\n    return x",
    "def two():\n    return 2",
  ]);
  expect(textsOf(await chunk("  a b\n  c d", { format: "code", maxTokens: 2, tokenizer: words }))).toEqual(["  a b", "  c d"]);
});

test("the overlap is of whole sentences", async () => {
  const text = "One two. Three four. Five six. Seven eight.";
  expect(textsOf(await chunk(text, { maxTokens: 4, overlap: 3, tokenizer: words }))).toEqual([
    "One two. Three four.",
    "Three four. Five six.",
    "Five six. Seven eight.",
  ]);
});

test("a tokenizer counts, or encodes", async () => {
  const encode = (text: string): string[] => text.split(/\s+/);
  expect(await chunk("a b c d", { maxTokens: 2, tokenizer: { encode } })).toEqual(
    await chunk("a b c d", { maxTokens: 2, tokenizer: words }),
  );
});

test("a word that is too long stays whole, or is cut after its punctuation", async () => {
  expect(textsOf(await chunk("a internationalization b", { maxTokens: 2 }))).toEqual(["a", "internationalization", "b"]);
  expect(textsOf(await chunk("https://example.com/sea", { maxTokens: 5 }))).toEqual(["https://", "example.com/", "sea"]);
});

test.each<[string, unknown, object, RegExp]>([
  ["a text that is none", 1, {}, /text must be a string, got 1/],
  ["no size", "a", { maxTokens: 0 }, /maxTokens must be a whole number of at least 1, got 0/],
  ["an overlap as large as a passage", "a", { maxTokens: 5, overlap: 5 }, /overlap must be less than maxTokens, which is 5, got 5/],
  ["another format", "a", { format: "html" }, /format must be one of "markdown", "text", "code", got "html"/],
  ["a tokenizer that is none", "a", { tokenizer: {} }, /tokenizer must be a function/],
  ["a tokenizer that answers later", "a", { tokenizer: async () => 1 }, /tokenizer must answer the number of tokens/],
  ["a misspelt option", "a", { maxToken: 5 }, /chunk has no argument "maxToken"/],
])("%s is refused", async (_, text, given, message) => {
  await expect(chunk(text as string, given)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(message),
  });
});

test.each([
  ["", 0],
  ["tide", 1],
  ["The tide comes in.", 5],
  ["internationalization", 4],
  ["прилив", 2],
  ["潮だまり", 4],
  ["cafe\u0301", 1],
  ["a b\u00a0c\u3000d", 4],
])("%j counts %d tokens", (text, tokens) => expect(estimateTokens(text)).toBe(tokens));
