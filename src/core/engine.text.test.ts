/** How full-text search reads the documents is a matter of the collection's configuration, and may change while it is in use. */
import { expect, test, vi } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { gate, turns } from "../testing/gate.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { STEMMING_LANGUAGES, STOP_WORD_LANGUAGES } from "./gateway/validate/text-configuration.js";
import { defaultAnalyzer, type LoadStem, noStemmers, wordsAmong } from "./index/text/analyzer.js";
import { type LoadStopWords, noStopWords } from "./index/text/stop-words.js";
import { limits } from "./limits.js";
import type { TextConfiguration } from "./types.js";

const loadStem: LoadStem = async (language) => (await import("../worker/stemmers.js")).stemmers[language];
const loadStopWords: LoadStopWords = async (language) => (await import("../worker/stop-words.js")).stopWordsOf(language);

class Library {
  readonly environment = new TestEnvironment();
  storage = new FaultInjectingStorage();
  beforeBlock: () => Promise<void> = async () => undefined;
  loadStem: LoadStem = loadStem;
  loadStopWords: LoadStopWords = loadStopWords;
  engine!: Engine;
  collectionId!: string;

  static async open(text: TextConfiguration | undefined, documents: string[]): Promise<Library> {
    const library = new Library();
    await library.start();
    const scope = { tenant: "default_tenant", database: "default_database", name: "library", metadata: null };
    const { id } = await library.engine.service.createCollection({ ...scope, configuration: { text }, getOrCreate: false });
    library.collectionId = id;
    await library.add(documents);
    return library;
  }

  async reopen(): Promise<void> {
    await this.engine.close();
    this.storage = this.storage.reopen();
    await this.start();
  }

  async start(): Promise<void> {
    const { storage, environment, loadStopWords } = this;
    const write = storage.blobs.write.bind(storage.blobs);
    storage.blobs.write = async (bytes) => {
      await this.beforeBlock();
      return write(bytes);
    };
    this.engine = await openedEngine(storage, { environment, loadStem: this.loadStem, loadStopWords, options: { retainVersions: 3 } });
  }

  async add(documents: string[]): Promise<void> {
    const embeddings = { dimension: 1, values: new Float32Array(documents.length), present: null };
    const records = { ids: documents, embeddings, documents, metadatas: null, uris: null };
    await this.engine.service.write({ collectionId: this.collectionId, operation: "upsert", records });
  }

  async find(query: string, prefix = false, operators?: boolean): Promise<string[]> {
    const { collectionId } = this;
    const request = { collectionId, query, nResults: 10, prefix, operators, fuzzy: 0, include: [] as never[] };
    return (await this.engine.service.searchText(request)).ids;
  }

  async modify(text: TextConfiguration): Promise<TextConfiguration | undefined> {
    const { configuration } = await this.engine.service.modifyCollection({ collectionId: this.collectionId, configuration: { text } });
    return configuration.text;
  }

  async pause(ms: number): Promise<void> {
    this.environment.advance(ms);
    await turns();
    while ((await this.engine.service.info()).compacting) await turns();
  }

  async findings(): Promise<unknown[]> {
    return (await this.engine.service.verifyCollection({ collectionId: this.collectionId, deep: true })).findings;
  }
}

test("by default case, marks and joints keep nothing from being found, and what is written alike comes first", async () => {
  const library = await Library.open(undefined, ["cafe", "Café", "co-operate", "getUserName", "南京市长江大桥", "서울에서"]);
  const queries = {
    café: ["Café", "cafe"],
    CAFE: ["cafe", "Café"],
    cooperate: ["co-operate"],
    user: ["getUserName"],
    南京: ["南京市长江大桥"],
  };
  for (const [query, ids] of Object.entries({ ...queries, 서울: ["서울에서"] })) expect(await library.find(query)).toEqual(ids);
});

test("a collection may tell one word from the other, and leave some out", async () => {
  const library = await Library.open({ fold_diacritics: false, stop_words: ["The", "dE"] }, ["the café", "de cafe"]);
  expect(await library.find("café")).toEqual(["the café"]);
  expect(await library.find("cafe")).toEqual(["de cafe"]);
  expect(await library.find("the DE")).toEqual([]);
  await library.engine.compact(library.collectionId);
  await library.pause(limits.textIdleMs);
  expect(await library.findings()).toEqual([]);
});

test("synonyms count from the next search on, words for phrases as well", async () => {
  const library = await Library.open(undefined, ["a car", "an automobile", "the Big Apple", "New York"]);
  expect(await library.find("car")).toEqual(["a car"]);
  const synonyms = [
    ["Car", "automobile"],
    ["NYC", "new york", "big apple"],
  ];
  expect(await library.modify({ synonyms })).toEqual({ synonyms });
  expect(await library.find("car")).toEqual(["a car", "an automobile"]);
  expect((await library.find("nyc")).sort()).toEqual(["New York", "the Big Apple"]);
  expect(await library.find("new york")).toEqual(["New York", "the Big Apple"]);
  expect(await library.find("new")).toEqual(["New York"]);
  expect(await library.modify({})).toBeUndefined();
  expect(await library.find("car")).toEqual(["a car"]);
});

test("a changed analysis counts once its index is built; until then searches go on as before, written documents included", async () => {
  const library = await Library.open(undefined, ["cafe", "café"]);
  await library.engine.compact(library.collectionId);
  await library.pause(limits.textIdleMs);
  const { held, open } = gate();
  library.beforeBlock = () => held;
  await library.modify({ fold_diacritics: false });
  library.environment.advance(limits.textRebuildIdleMs);
  await turns();
  expect((await library.engine.service.info()).compacting).toBe(true);
  await library.add(["café au lait"]);
  expect(await library.find("cafe")).toEqual(["cafe", "café", "café au lait"]);
  open();
  await library.pause(limits.textRebuildIdleMs);
  expect(await library.find("cafe")).toEqual(["cafe"]);
  expect(await library.find("café")).toEqual(["café", "café au lait"]);
  await library.engine.compact(library.collectionId);
  expect(await library.findings()).toEqual([]);
  await library.reopen();
  expect(await library.find("cafe")).toEqual(["cafe"]);
});

test("a rebuild that fails leaves the index as it was, and is done after the next opening", async () => {
  const library = await Library.open(undefined, ["cafe", "café"]);
  await library.engine.compact(library.collectionId);
  await library.pause(limits.textIdleMs);
  library.beforeBlock = () => Promise.reject(new Error("the disk is full"));
  await library.modify({ fold_diacritics: false });
  await library.pause(limits.textRebuildIdleMs);
  expect(await library.find("cafe")).toEqual(["cafe", "café"]);
  library.beforeBlock = async () => undefined;
  await library.reopen();
  expect(await library.find("cafe")).toEqual(["cafe", "café"]);
  await library.pause(limits.textRebuildIdleMs);
  expect(await library.find("cafe")).toEqual(["cafe"]);
});

test("what is wrong with it is refused by name", async () => {
  const library = await Library.open(undefined, ["cafe"]);
  const wrong: [unknown, RegExp][] = [
    [{ stopWords: [] }, /configuration\.text has the field "stopWords".*stop_words/],
    [{ stop_words: "the" }, /stop_words must be an array of words or one of danish, .*turkish, got "the"/],
    [{ stop_words: 7 }, /stop_words must be an array of words, got 7/],
    [{ stop_words: ["the", " "] }, /stop_words\[1\] must be a string that is not blank/],
    [{ synonyms: ["a"] }, /synonyms\[0\] must be an array of words/],
    [{ fold_diacritics: 1 }, /fold_diacritics must be true or false/],
    [{ stop_words: Array.from({ length: limits.stopWordsMax + 1 }, () => "a") }, /stopWordsMax/],
    [{ synonyms: [["a", "b".repeat(limits.textWordLengthMax + 1)]] }, /textWordLengthMax/],
  ];
  for (const [text, message] of wrong) await expect(library.modify(text as TextConfiguration)).rejects.toThrow(message);
});

test("stems are found by one another, the word as written first; prefixes are those of words", async () => {
  const library = await Library.open({ stemming: "english", stop_words: ["the"] }, ["the tides", "tide", "universities", "tidal"]);
  expect(await library.find("tides")).toEqual(["the tides", "tide"]);
  expect(await library.find("tide")).toEqual(["tide", "the tides"]);
  expect(await library.find("universit", true)).toEqual(["universities"]);
  expect(await library.find("tid", true)).toHaveLength(3);
  await library.engine.compact(library.collectionId);
  await library.pause(limits.textIdleMs);
  expect(await library.findings()).toEqual([]);
  await library.reopen();
  expect(await library.find("tides")).toEqual(["the tides", "tide"]);
});

test("the stop words of a language are stored where it is named", async () => {
  const library = await Library.open({ stop_words: "english" } as unknown as TextConfiguration, ["the tides", "and so on"]);
  expect(await library.find("the tides and so")).toEqual(["the tides"]);
  expect(await library.find("so")).toEqual([]);
  const german = { stop_words: "german", stemming: "german" } as unknown as TextConfiguration;
  await library.modify(german);
  await library.pause(limits.textRebuildIdleMs);
  await library.add(["der Ton über dem Haus", "über"]);
  expect(await library.find("das über Häuser")).toEqual(["der Ton über dem Haus"]);
  expect(await library.find("and")).toEqual(["and so on"]);
  // What is stored is the list: it takes none to open the collection again, nor to change anything else of it.
  library.loadStopWords = noStopWords;
  await library.reopen();
  expect(await library.find("das über Häuser")).toEqual(["der Ton über dem Haus"]);
  await library.engine.service.modifyCollection({ collectionId: library.collectionId, name: "books" });
  const scope = { tenant: "default_tenant", database: "default_database", name: "books", metadata: null };
  const { configuration } = await library.engine.service.createCollection({ ...scope, configuration: { text: german }, getOrCreate: true });
  expect(configuration.text?.stop_words).toEqual(expect.arrayContaining(["der", "über"]));
});

test("there are stop words for each language, each a word or two of it", async () => {
  const { stopWordsOf } = await import("../worker/stop-words.js");
  for (const language of STOP_WORD_LANGUAGES) {
    if (language === "english") continue;
    const words = stopWordsOf(language);
    expect(words.length).toBeGreaterThan(50);
    expect(new Set(words).size).toBe(words.length);
    for (const word of words) {
      expect(word).toBe(word.normalize("NFC").toLowerCase());
      expect(wordsAmong(defaultAnalyzer.analyze(word)).length, word).toBeGreaterThan(0);
    }
  }
});

test("a language without stemmers, and an engine without any, say so", async () => {
  const library = await Library.open(undefined, ["cafe"]);
  const klingon = { stemming: "klingon" } as unknown as TextConfiguration;
  await expect(library.modify(klingon)).rejects.toThrow(/stemming must be one of arabic, .*ukrainian, got "klingon"/);
  library.loadStem = noStemmers;
  await library.reopen();
  await expect(library.modify({ stemming: "german" })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  library.loadStopWords = noStopWords;
  await library.reopen();
  const german = { stop_words: "german" } as unknown as TextConfiguration;
  await expect(library.modify(german)).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  expect(await library.find("cafe")).toEqual(["cafe"]);
});

test("there is a stemmer for each language", async () => {
  for (const language of STEMMING_LANGUAGES) {
    const stem = await loadStem(language);
    const words = ["tides", "häuser", "книгами", "المكتبات", "βιβλία", "κ", "a"];
    for (const word of words) expect(stem(word)).toBeTypeOf("string");
  }
});

test("hits tell where they matched, in whatever way they did, over written and compacted documents alike", async () => {
  const documents = ["Spring tides at the café", "an automobile and its tide-tables", "東京都に住む"];
  const library = await Library.open({ stemming: "english", synonyms: [["car", "automobile"]] }, documents);
  const { collectionId } = library;
  const request = { collectionId, nResults: 10, prefix: true, fuzzy: 0.2, include: [] as never[] };
  for (const _ of ["written", "compacted"]) {
    const find = async (query: string, operators = false) => {
      const { highlights, documents: shown } = await library.engine.service.searchText({ ...request, query, operators, highlight: true });
      expect(shown).toBeNull();
      return highlights?.map(({ snippet }) => snippet).sort();
    };
    expect(await find("tide caffe")).toEqual([
      "Spring <mark>tides</mark> at the <mark>café</mark>",
      "an automobile and its <mark>tide</mark>-tables",
    ]);
    expect(await find("car")).toEqual(["an <mark>automobile</mark> and its tide-tables"]);
    expect(await find("spri")).toEqual(["<mark>Spring</mark> tides at the café"]);
    expect(await find('"京都"', true)).toEqual(["東<mark>京都</mark>に住む"]);
    expect(await find('"spring tide" cafe -car', true)).toEqual(["<mark>Spring tides</mark> at the <mark>café</mark>"]);
    await library.engine.compact(collectionId);
    await library.pause(limits.textIdleMs);
  }
  const plain = await library.engine.service.searchText({ ...request, query: "tide" });
  expect(plain).not.toHaveProperty("highlights");
  const own = { before: "", after: "|", maxLength: 10 };
  const marked = await library.engine.service.searchText({ ...request, query: "café", include: ["documents"], highlight: own });
  expect(marked.highlights).toEqual([{ ranges: [{ start: 20, end: 24 }], snippet: "…the café|", start: 16, end: 24 }]);
  expect(marked.documents).toEqual([documents[0]]);
});

test.each([
  [1, "Expected 'highlight' to be an object, but got 1"],
  [null, "Expected 'highlight' to be an object, but got null"],
  [{ mark: "b" }, 'highlight has the field "mark"; it takes before, after, maxLength'],
  [{ before: 1 }, "highlight.before must be a string of at most 256 characters"],
  [{ after: "x".repeat(257) }, "highlight.after must be a string of at most 256 characters"],
  [{ maxLength: 0 }, "highlight.maxLength must be a whole number of at least 1, got 0"],
  [{ maxLength: "9" }, "highlight.maxLength must be a whole number of at least 1"],
])("the highlight %j is refused", async (highlight, message) => {
  const library = await Library.open(undefined, ["tide"]);
  const request = { collectionId: library.collectionId, query: "tide", nResults: 1, prefix: false, fuzzy: 0, include: [] as never[] };
  await expect(library.engine.service.searchText({ ...request, highlight: highlight as never })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining(message) as string,
  });
});

test("signs and quotation marks are operators where that is asked for, over written and compacted documents alike", async () => {
  const documents = ["spring tide", "tide of spring", "spring", "Spring Tides, spring-tide", "南京市长江大桥"];
  const library = await Library.open(undefined, documents);
  for (const _ of ["written", "compacted"]) {
    const find = async (query: string) => (await library.find(query, false, true)).sort();
    expect(await find('"spring tide"')).toEqual(["Spring Tides, spring-tide", "spring tide"]);
    expect(await find("spring +tide")).toEqual(["Spring Tides, spring-tide", "spring tide", "tide of spring"]);
    expect(await find("spring -tide")).toEqual(["spring"]);
    expect(await find('spring -"spring tide"')).toEqual(["spring", "tide of spring"]);
    expect(await find('"长江"')).toEqual(["南京市长江大桥"]);
    for (const held of ["江", "桥", "南", "长江大", "市长江"]) {
      for (const query of [`+${held}`, `"${held}"`, `+"${held}"`]) expect([query, await find(query)]).toEqual([query, ["南京市长江大桥"]]);
      expect(await find(`南京 -${held}`)).toEqual([]);
      expect(await find(`南京 -"${held}"`)).toEqual([]);
    }
    for (const lacking of ["河", "江南", "大长江"]) {
      for (const query of [`南京 +${lacking}`, `南京 "${lacking}"`]) expect([query, await find(query)]).toEqual([query, []]);
      expect(await find(`南京 -${lacking}`)).toEqual(["南京市长江大桥"]);
      expect(await find(`南京 -"${lacking}"`)).toEqual(["南京市长江大桥"]);
    }
    expect(await find("+absent spring")).toEqual([]);
    expect(await find('+"" -"!" spring')).toHaveLength(4);
    expect(await find("-spring")).toEqual([]);
    expect((await library.find("spring^.1 长江^9", false, true))[0]).toBe("南京市长江大桥");
    expect((await library.find('spring^9 "长江"^0.1', false, true))[0]).toBe("南京市长江大桥");
    expect((await library.find("spring^9 长江^0.1", false, true))[0]).toBe("spring");
    // Without being asked for they are not.
    expect(await library.find('-spring "tide"')).toHaveLength(4);
    await library.engine.compact(library.collectionId);
    await library.pause(limits.textIdleMs);
  }
});

test("soon after the last write the index has in memory what was written, and a compaction takes it from there", async () => {
  const library = await Library.open(undefined, ["low tide", "tide pools"]);
  const memory = async () => (await library.engine.service.info()).memoryBytes;
  const before = await memory();
  await library.pause(limits.textReadingIdleMs);
  expect(await memory()).toBeGreaterThan(before);
  await library.add(["neap tide", "low tide"]);
  await library.engine.compact(library.collectionId);
  expect(await library.find("tide")).toEqual(["low tide", "tide pools", "neap tide"]);
  expect(await library.findings()).toEqual([]);
});

test("while writes go on, so many documents wait to be read and no more", async () => {
  const library = await Library.open(undefined, ["neap"]);
  const isRead = async () => (await library.engine.service.info()).memory.text > 0;
  const write = async (from: number): Promise<void> => {
    await library.add(Array.from({ length: 1024 }, (_, i) => `tide ${from + i}`));
    library.environment.advance(limits.textReadingIdleMs / 2);
    await turns();
  };
  for (let from = 0; from < limits.textBacklogMax - 1024; from += 1024) await write(from);
  expect(await isRead()).toBe(false);
  for (let i = 0; i < 4; i++) await write(limits.textBacklogMax + i * 1024);
  expect(await isRead()).toBe(true);
  expect(await library.find("tide 5000")).toContain("tide 5000");
});

test("what a search is reading when a compaction comes is not read twice", async () => {
  const analyze = vi.spyOn(defaultAnalyzer, "analyze");
  try {
    const documents = Array.from({ length: 1000 }, (_, i) => `tide ${i}`);
    const library = await Library.open(undefined, documents);
    const [found] = await Promise.all([library.find("tide"), library.engine.compact(library.collectionId)]);
    expect(found).toHaveLength(10);
    expect(await library.find("tide 999")).toContain("tide 999");
    const analyzed = analyze.mock.calls.filter(([text]) => text.startsWith("tide "));
    // Two callers may come to the end of the documents at once.
    expect(analyzed.length).toBeLessThan(documents.length + 64);
    expect(await library.findings()).toEqual([]);
  } finally {
    analyze.mockRestore();
  }
});
