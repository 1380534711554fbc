/** Where the bytes of lists come from. */
export interface ListSource {
  /** Lists by slot, in the order given. Damage rejects with `CORRUPTION`. */
  read(slots: readonly number[]): Promise<Uint8Array[]>;
}
