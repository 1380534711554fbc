/** Where blocks lie: each arena as a bar of parts, the darker the fuller; and the log, and what is free. */
import type { ClientInfo } from "../api/client.js";
import type { ArenaInfo } from "../core/service.js";
import { bytes, count, percent } from "./format.js";

export function StorageMap({ info }: { info: ClientInfo }) {
  const { arenas, blockBytesReserved, blockBytesUsed, logBytes } = info;
  const free = blockBytesReserved - blockBytesUsed;
  const taken = arenas.filter((arena) => arena.bytes > 0);
  return (
    <section>
      <h3>Storage map</h3>
      <p class="hint">
        {bytes(blockBytesUsed)} in blocks, {bytes(free)} free in {count(taken.length, "arena")}, {bytes(logBytes)} in the log. The darker a
        part of an arena, the more of it is in use.
      </p>
      <ul class="arenas">
        {taken.map((arena) => (
          <ArenaRow key={arena.arena} arena={arena} />
        ))}
      </ul>
    </section>
  );
}

function ArenaRow({ arena: { arena, bytes: size, bytesUsed, blocks, map } }: { arena: ArenaInfo }) {
  const share = size === 0 ? 0 : bytesUsed / size;
  return (
    <li>
      <span class="arena-name">Arena {arena}</span>
      <span class="map" aria-hidden="true">
        {map.map((use, part) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a part of an arena is its place
          <i key={part} style={{ opacity: String(0.08 + 0.92 * use) }} />
        ))}
      </span>
      <span class="arena-use">
        {bytes(bytesUsed)} of {bytes(size)} ({percent(share)}), {count(blocks, "block")}
      </span>
    </li>
  );
}
