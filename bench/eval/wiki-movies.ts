/** Films with year, genres and cast, embedded by the package's default embedding function, which the collection restores by itself. */
import { HashingEmbeddingFunction, type Metadata } from "tidepool-db";
import { readJsonLines } from "./data.js";
import type { Vectors } from "./exact-search.js";
import { type FilterCase, FilterSet, type LoadedRecords } from "./filter-set.js";

interface Film {
  title: string;
  year: number;
  genres: string[];
  cast: string[];
  text: string;
}

const queryTexts = [
  "a detective hunts a serial killer in Los Angeles",
  "animated family film about a lost dog",
  "astronauts stranded on a distant planet",
  "romantic comedy about a wedding",
  "true story of a boxer",
  "haunted house horror",
  "heist crew robs a casino",
  "war drama set in Vietnam",
];

async function embed(texts: string[]): Promise<Vectors> {
  const hashing = new HashingEmbeddingFunction();
  const rows = await hashing.generate(texts);
  const values = new Float32Array(rows.length * hashing.dimension);
  for (const [i, row] of rows.entries()) values.set(row, i * hashing.dimension);
  return { dimension: hashing.dimension, values };
}

async function load(): Promise<LoadedRecords<Film>> {
  const records = await readJsonLines<Film>("wiki-movies/docs.jsonl");
  const documents = records.map(({ text }) => text);
  return {
    records,
    metadatas: records.map(metadataOf),
    documents,
    base: await embed(documents),
    embeddings: null,
    queries: await embed(queryTexts),
    queryTexts,
  };
}

function metadataOf({ title, year, genres, cast }: Film): Metadata {
  return { title, year, recent: year >= 2015, ...(genres.length > 0 ? { genres } : {}), ...(cast.length > 0 ? { cast } : {}) };
}

const cases: FilterCase<Film>[] = [
  { where: { year: 1999 }, keep: (film) => film.year === 1999 },
  { where: { recent: true }, keep: (film) => film.year >= 2015 },
  { where: { year: { $ne: 2001 } }, keep: (film) => film.year !== 2001 },
  { where: { $and: [{ year: { $gte: 1995 } }, { year: { $lt: 2000 } }] }, keep: (film) => film.year >= 1995 && film.year < 2000 },
  { where: { year: { $in: [1990, 2000, 2010, 2020] } }, keep: (film) => film.year % 10 === 0 },
  { where: { year: { $nin: [1990, 1991, 1992] } }, keep: (film) => film.year > 1992 },
  { where: { genres: { $contains: "Western" } }, keep: (film) => film.genres.includes("Western") },
  { where: { genres: { $not_contains: "Comedy" } }, keep: (film) => !film.genres.includes("Comedy") },
  { where: { cast: { $contains: "Bruce Willis" } }, keep: (film) => film.cast.includes("Bruce Willis") },
  {
    where: { $or: [{ cast: { $contains: "Julianne Moore" } }, { $and: [{ genres: { $contains: "Horror" } }, { year: { $gt: 2018 } }] }] },
    keep: (film) => film.cast.includes("Julianne Moore") || (film.genres.includes("Horror") && film.year > 2018),
  },
  { whereDocument: { $contains: "Los Angeles" }, keep: (film) => film.text.includes("Los Angeles") },
  { whereDocument: { $not_contains: "film" }, keep: (film) => !film.text.includes("film") },
  { whereDocument: { $regex: "(19|20)[0-9]{2} .*horror" }, keep: (film) => /(19|20)[0-9]{2} .*horror/.test(film.text) },
  {
    where: { year: { $lt: 2005 } },
    whereDocument: { $and: [{ $contains: "directed by" }, { $not_contains: "American" }] },
    keep: (film) => film.year < 2005 && film.text.includes("directed by") && !film.text.includes("American"),
  },
];

export const wikiMovies = new FilterSet("wiki-movies", load, cases);
