/** Image embeddings of museum objects with catalogue metadata; an object without tags lacks the key. */
import { readFloats, readJsonLines } from "./data.js";
import { type FilterCase, FilterSet, type LoadedRecords } from "./filter-set.js";

interface Work {
  title: string;
  artist: string;
  date: string;
  medium: string;
  culture: string;
  classification: string;
  department: string;
  tags: string[];
}

const DIMENSION = 512;

async function load(): Promise<LoadedRecords<Work>> {
  const records = await readJsonLines<Work>("met-clip/texts.jsonl");
  const metadatas = records.map(({ artist, culture, classification, department, tags, date }) => ({
    artist,
    culture,
    classification,
    department,
    dateLength: date.length,
    dated: date !== "",
    ...(tags.length === 0 ? {} : { tags, tagCount: tags.length }),
  }));
  const values = await readFloats("met-clip/base.f32");
  const queries = await readFloats("met-clip/queries.f32");
  return {
    records,
    metadatas,
    documents: records.map(({ title, medium }) => `${title}. ${medium}`),
    base: { dimension: DIMENSION, values },
    embeddings: values,
    queries: { dimension: DIMENSION, values: queries },
    queryTexts: null,
  };
}

const document = ({ title, medium }: Work): string => `${title}. ${medium}`;

const cases: FilterCase<Work>[] = [
  { where: { department: "Asian Art" }, keep: (work) => work.department === "Asian Art" },
  { where: { culture: "" }, keep: (work) => work.culture === "" },
  { where: { artist: { $ne: "Unknown" } }, keep: (work) => work.artist !== "Unknown" },
  { where: { tagCount: { $ne: 1 } }, keep: (work) => work.tags.length !== 1 },
  { where: { tagCount: { $gte: 3 } }, keep: (work) => work.tags.length >= 3 },
  { where: { dateLength: { $lt: 5 } }, keep: (work) => work.date.length < 5 },
  { where: { culture: { $in: ["Egypt", "Japan", "Nowhere"] } }, keep: (work) => work.culture === "Egypt" || work.culture === "Japan" },
  {
    where: { department: { $nin: ["Asian Art", "Egyptian Art"] } },
    keep: (work) => work.department !== "Asian Art" && work.department !== "Egyptian Art",
  },
  { where: { tags: { $contains: "Men" } }, keep: (work) => work.tags.includes("Men") },
  { where: { tags: { $not_contains: "Men" } }, keep: (work) => !work.tags.includes("Men") },
  {
    where: { $and: [{ department: "Drawings and Prints" }, { $or: [{ tags: { $contains: "Men" } }, { tags: { $contains: "Women" } }] }] },
    keep: (work) => work.department === "Drawings and Prints" && (work.tags.includes("Men") || work.tags.includes("Women")),
  },
  {
    where: { $or: [{ culture: "China" }, { $and: [{ tagCount: { $gt: 1 } }, { tagCount: { $lte: 2 } }] }] },
    keep: (work) => work.culture === "China" || work.tags.length === 2,
  },
  { whereDocument: { $contains: "silver" }, keep: (work) => document(work).includes("silver") },
  {
    where: { culture: "Egypt" },
    whereDocument: { $or: [{ $contains: "Limestone" }, { $contains: "Faience" }] },
    keep: (work) => work.culture === "Egypt" && /Limestone|Faience/.test(document(work)),
  },
];

export const metClip = new FilterSet("met-clip", load, cases);
