/**
 * The scratch memory of graph operations, laid out anew before every call from outside, since chunks may have taken the
 * place of the last one:
 *
 *     visited allowed results candidates pool kept linked batch
 *
 * `visited` and `allowed` have a bit per ordinal; `results`, `candidates`, `pool`, `kept` and `linked` hold keys; `batch`
 * holds ordinals.
 */

export let visited: usize = 0;
export let visitedBytes: usize = 0;
export let allowed: usize = 0;
export let results: usize = 0;
export let candidates: usize = 0;
export let pool: usize = 0;
export let kept: usize = 0;
export let linked: usize = 0;
export let batch: usize = 0;

/** Lays out scratch from `at` on for `ordinals` ordinals, beams up to `beam` and lists up to `degree`; returns its end. */
export function layScratchFor(at: usize, ordinals: u32, beam: u32, degree: u32): usize {
  const keys = <usize>degree << 3;
  visited = at;
  visitedBytes = ((<usize>ordinals + 63) >> 6) << 3;
  allowed = visited + visitedBytes;
  results = allowed + visitedBytes;
  candidates = results + (<usize>beam << 3);
  pool = candidates + ((<usize>ordinals + 1) << 3);
  kept = pool + keys * (<usize>degree + 1) + 8;
  linked = kept + keys;
  batch = linked + keys;
  return batch + keys;
}
