/** The parts one after the other, in one array of the same kind. */
export function concat<A extends Uint8Array | Uint32Array | Float32Array>(Column: new (length: number) => A, parts: readonly A[]): A {
  const out = new Column(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
