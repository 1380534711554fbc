/** The whole path: where it is kept, how much it holds, and its upkeep. */
import type { ClientInfo } from "../api/client.js";
import { bytes, figure } from "./format.js";
import { useLoaded, usePulse } from "./hooks.js";
import { Maintenance } from "./maintenance.js";
import { ScrollingPage } from "./menu.js";
import { messageOf, type Session } from "./session.js";
import { StorageMap } from "./storage-map.js";

/** How old what is shown may be. */
const INFO_EVERY_MS = 3000;

export function StorageView({ session }: { session: Session }) {
  const info = useLoaded(() => session.root.info(), [session, session.changes, usePulse(INFO_EVERY_MS)]);
  return (
    <ScrollingPage label="Storage and maintenance">
      <h2>Storage and maintenance</h2>
      {info.error !== undefined && <p class="fault">{messageOf(info.error)}</p>}
      {info.value !== undefined && <Facts info={info.value} />}
      {info.value !== undefined && <StorageMap info={info.value} />}
      <Maintenance session={session} />
    </ScrollingPage>
  );
}

const STORAGES = {
  opfs: "Origin private file system",
  indexeddb: "IndexedDB",
  directory: "Directory",
  memory: "Memory: gone with the worker",
  published: "Published: read from its host",
};

function factsOf(info: ClientInfo): [string, string][] {
  const { quota } = info;
  return [
    ["Kept in", STORAGES[info.storage]],
    ["Durability", info.durability],
    ["Engine", info.role === "holder" ? "runs in a worker of this page" : "runs in another tab"],
    ["Kernel", info.kernel],
    ["Format", String(info.formatVersion)],
    ["Collections", figure(info.collections)],
    ["Records", figure(info.records)],
    ["Log", `${figure(info.logRecords)} records, ${bytes(info.logBytes)}`],
    ["Blocks", `${bytes(info.blockBytesUsed)} of ${bytes(info.blockBytesReserved)} reserved`],
    ["Memory", bytes(info.memoryBytes)],
    ["Origin", quota === null ? "unknown" : `${bytes(quota.usageBytes)} of ${bytes(quota.quotaBytes)}`],
    ["Kept when space runs short", quota === null ? "unknown" : quota.persisted ? "yes" : "not promised"],
    ["Background work", info.compacting ? "under way" : info.unpublished > 0 ? `${info.unpublished} to be published` : "none"],
  ];
}

function Facts({ info }: { info: ClientInfo }) {
  return (
    <>
      <dl class="cards">
        {factsOf(info).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {info.compactionError !== null && <p class="fault">The latest compaction failed: {info.compactionError}</p>}
      {info.warnings.map((warning) => (
        <p key={warning} class="fault">
          {warning}
        </p>
      ))}
    </>
  );
}
