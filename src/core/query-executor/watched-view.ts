/** The live view, and a note of what a read has seen of it. */
import type { Bitmap } from "../base/bitmap.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { RecordFilter } from "../gateway/filter.js";
import type { RankSource } from "../gateway/search-plan.js";
import { newSeen, type Seen } from "./interest.js";
import type { FetchColumns } from "./operators/select.js";
import type { HitsOf } from "./sources/sources.js";
import type { View } from "./view.js";

export class WatchedView implements View {
  readonly #view: View;
  readonly seen: Seen;

  constructor(view: View, { appliedOffset, records }: CollectionState) {
    this.#view = view;
    this.seen = newSeen(appliedOffset, records.numbering, records.nextOrdinal);
  }

  async select(filter: RecordFilter | null): Promise<Bitmap> {
    const selected = await this.#view.select(filter);
    if (filter !== null) this.seen.selected.set(filter, selected);
    return selected;
  }

  selectAmong(filter: RecordFilter, among: Bitmap): Promise<Bitmap> {
    return this.#view.selectAmong(filter, among);
  }

  read<Source extends RankSource>(source: Source, allowed: Bitmap): Promise<HitsOf<Source>> {
    return this.#view.read(source, allowed);
  }

  readonly fetch: FetchColumns = (ordinals, fields) => {
    this.seen.shown.addAll(ordinals);
    return this.#view.fetch(ordinals, fields);
  };
}
