/** Where the bytes of lists come from. */
export interface ListSource {
  /**
   * Lists by slot, in the order given. Whoever is going to hold none of them `keeps` them at the source, where there is room, since they
   * may be asked for again. Damage rejects with `CORRUPTION`.
   */
  read(slots: readonly number[], keeps: boolean): Promise<Uint8Array[]>;
}
