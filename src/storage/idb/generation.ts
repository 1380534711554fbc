/**
 * The catalog row that counts how often a database was opened: `{"generation":n}` as JSON. Whoever opens it takes the next
 * number, and may write for as long as the row holds it. The numbers need only rise, so an unreadable row does no harm: it is
 * nobody's generation, and the next opening counts on from the seconds since 1970, which no count of openings has reached.
 */
import { storedBytes } from "../bytes.js";

export const generationKey = "generation";

export function encodeGeneration(generation: number): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ generation }));
}

/** 0 where there is no row, since nobody has opened the database yet; `null` where it is unreadable. */
export function decodeGeneration(value: unknown): number | null {
  if (value === undefined) return 0;
  const [, digits] = /^\{"generation":(\d{1,10})\}$/.exec(new TextDecoder().decode(storedBytes(value))) ?? [];
  return digits === undefined ? null : Number(digits);
}

export function generationAfter(last: number | null): number {
  return (last ?? Math.floor(Date.now() / 1000)) + 1;
}
