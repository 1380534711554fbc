/** The kinds of sources: a line for each, under the name that a plan has for it. */
import type { Tick } from "../../base/turns.js";
import type { Parts } from "../../collection/parts.js";
import type { RankSource } from "../../gateway/search-plan.js";
import { knnSource } from "./knn-source.js";
import type { SourceKind } from "./source-kind.js";
import { sparseSource } from "./sparse-source.js";
import { textSource } from "./text-source.js";

const kinds = {
  knn: knnSource,
  text: textSource,
  sparse: sparseSource,
} satisfies { [Kind in RankSource["kind"]]: SourceKind<Extract<RankSource, { kind: Kind }>, unknown> };

/** What reading a source gives. */
export type HitsOf<Source extends RankSource> =
  ReturnType<(typeof kinds)[Source["kind"]]["readLive"]> extends Promise<infer Hits> ? Hits : never;

export function kindOf<Source extends RankSource>({ kind }: Source): SourceKind<Source, HitsOf<Source>> {
  return kinds[kind] as unknown as SourceKind<Source, HitsOf<Source>>;
}

/** What is to be done before the lock is taken, once for each kind that needs something. */
export function preparationsOf(sources: readonly RankSource[]): ((parts: Parts, tick: Tick) => Promise<void>)[] {
  return [...new Set(sources.map((source) => kindOf(source)))].flatMap(({ ready }) => ready ?? []);
}
