/** Extents that a manifest names and that cannot be in use: what `retain` refuses, in one error that names them all. */
import { TidepoolError } from "../core/errors.js";
import type { Extent } from "../core/storage.js";
import { extentName } from "./bytes.js";

export interface Unfit {
  extent: Extent;
  /** Completes "Extent … ". */
  why: string;
}

export function refuse(unfit: readonly Unfit[]): void {
  const [first] = unfit;
  if (first === undefined) return;
  const others = unfit.length === 1 ? "" : `, and ${unfit.length - 1} others cannot be used either`;
  const message = `Extent ${extentName(first.extent)} ${first.why}${others}`;
  throw new TidepoolError("CORRUPTION", message, { details: { extents: unfit.map(({ extent }) => extent) } });
}
