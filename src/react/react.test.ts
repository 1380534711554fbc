/** The hooks where there is no page: on a server, and in what they take for the same. */
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
import { HashingEmbeddingFunction } from "../api/hashing-embedding-function.js";
import { IntInvertedIndexConfig } from "../api/schema/index-config.js";
import { Schema } from "../api/schema/schema.js";
import { K } from "../api/search/key.js";
import { Knn } from "../api/search/rank.js";
import { Search } from "../api/search/search.js";
import { TidepoolProvider, type TidepoolProviderProps, useCollection, useIngest, useLiveQuery, useLiveSearch } from "../react.js";
import { isSame } from "./use-kept.js";

function Probe(): string {
  const { collection, isLoading } = useCollection("tides");
  const live = useLiveQuery(collection, { get: {} });
  const idle = useLiveSearch(collection, null);
  return JSON.stringify([isLoading, live.isLoading, idle.isLoading, useIngest(collection).isIngesting]);
}

const rendered = (props: TidepoolProviderProps): string => renderToString(createElement(TidepoolProvider, props, createElement(Probe)));

test("on a server everything is loading, and nothing is opened", () => {
  expect(rendered({ options: { path: "server" } })).toBe("[true,true,false,false]");
});

test("a client beside options, bad options, and a component outside the provider are refused", () => {
  expect(() => rendered({ options: { path: "//" } })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  expect(() => rendered({ client: {} as never, options: {} })).toThrow("a client or options, not both");
  expect(() => renderToString(createElement(Probe))).toThrow("below a TidepoolProvider");
});

const search = (limit: number) => new Search({ where: K("year").gt(1), limit }).rank(Knn({ query: [1, 2], limit: 3 }));

test.each<[what: string, make: (n: number) => unknown]>([
  ["a filter", (n) => ({ get: { where: { $and: [{ year: n }, { tag: "a" }] } } })],
  ["vectors", (n) => ({ query: { queryEmbeddings: [new Float32Array([1, n])] } })],
  ["a number of ids", (n) => ({ get: { ids: ["a", "b", "c"].slice(0, n) } })],
  ["names", (n) => ({ [`key${n}`]: undefined })],
  ["a kind", (n) => (n === 1 ? [] : {})],
  ["a builder", search],
  ["a schema", (n) => new Schema().deleteIndex(new IntInvertedIndexConfig(), n === 1 ? "year" : "tag")],
  ["nothing", (n) => (n === 1 ? null : {})],
])("%s is compared by value", (_, make) => {
  expect(isSame(make(1), make(1))).toBe(true);
  expect(isSame(make(1), make(2))).toBe(false);
  expect(isSame(make(2), make(1))).toBe(false);
});

test("functions and embedding functions of one name are not told apart", () => {
  const make = (name: string) => ({ onWarning: () => name, embeddingFunction: Object.assign(new HashingEmbeddingFunction(), { name }) });
  expect(isSame(make("a"), make("a"))).toBe(true);
  expect(isSame(make("a"), make("b"))).toBe(false);
});
