/** Where the bytes of lists come from. */
export interface ListSource {
  /**
   * Lists by slot, in the order given. `keeps`: they stay at the source, where there is room, since whoever reads them may have to let
   * go of them and ask again. Damage rejects with `CORRUPTION`.
   */
  read(slots: readonly number[], keeps: boolean): Promise<Uint8Array[]>;
}
