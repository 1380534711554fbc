/** `ListPages` in plain arrays, over a coder that scans them one by one. */
import type { ListMatches, ListPages, PreparedQuery, Probe, ScannedLists, ScanOptions, SpannCoder } from "./spann-kernel.js";

export class PlainPages implements ListPages {
  readonly #coder: Pick<SpannCoder, "listBytes" | "scan">;
  readonly #pages: Uint8Array[] = [];

  constructor(coder: Pick<SpannCoder, "listBytes" | "scan">) {
    this.#coder = coder;
  }

  get byteLength(): number {
    return this.#pages.length * this.#coder.listBytes(1);
  }

  put(page: number, subBlock: Uint8Array): void {
    this.#pages[page] = subBlock.slice();
  }

  copy(page: number, into: Uint8Array): void {
    into.set(this.#pages[page]!);
  }

  scan(query: PreparedQuery, probes: readonly Probe[], pages: Uint32Array, counts: Uint32Array, options: ScanOptions): ScannedLists {
    const found: ListMatches[] = [];
    const ends = new Uint32Array(probes.length);
    let at = 0;
    let rows = 0;
    for (const [i, probe] of probes.entries()) {
      for (const end = at + counts[i]!; at < end; at++) {
        // What a coder finds may lie in memory that its next call writes to.
        const { ordinals, estimates, sigmas } = this.#coder.scan(this.#pages[pages[at]!]!, query, probe, options);
        found.push({ ordinals: ordinals.slice(), estimates: estimates.slice(), sigmas: sigmas.slice() });
        rows += ordinals.length;
      }
      ends[i] = rows;
    }
    const all = { ordinals: new Uint32Array(rows), estimates: new Float32Array(rows), sigmas: new Float32Array(rows), ends };
    let next = 0;
    for (const { ordinals, estimates, sigmas } of found) {
      all.ordinals.set(ordinals, next);
      all.estimates.set(estimates, next);
      all.sigmas.set(sigmas, next);
      next += ordinals.length;
    }
    return all;
  }
}
