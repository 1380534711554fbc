/** Opens a published database: what reads it is loaded with the first. */
import type { BackupHead } from "../core/backup/backup-file.js";
import { crc32 } from "../core/base/checksum.js";
import { sectionKinds } from "../core/collection/parts.js";
import { TidepoolError } from "../core/errors.js";
import { Log } from "../core/log/log.js";
import { LogRetention } from "../core/log/log-retention.js";
import type { OpenOptions } from "../core/service.js";
import type { Environment, Storage } from "../core/storage.js";
import { SysDb } from "../core/sysdb/sysdb.js";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import type * as Published from "../storage/published/open-published.js";
import type { CacheFile, EntriesOf } from "../storage/published/published-tools.js";
import type { Tenure } from "../storage/tenure.js";
import { asError } from "./protocol.js";

/** `openFile` opens a file that keeps what was read; `null` where nothing can be kept. */
export async function openSource(
  { source }: OpenOptions,
  environment: Environment,
  { lost, warn }: Pick<Tenure, "lost" | "warn">,
  openFile: (name: string) => Promise<CacheFile | null>,
): Promise<Storage> {
  const { openPublished } = await load();
  return openPublished(source!, {
    error: (code, message, options) => new TidepoolError(code, message, options),
    crc32,
    openFile,
    warn: (message) => warn?.({ code: "SOURCE_UNREACHABLE", message }),
    lost,
    openRows: (head, entriesOf) => openRows(head, entriesOf, environment),
  });
}

/** Not followed by bundlers, which would have to divide the worker; they copy the file as they do with the kernels. */
async function load(): Promise<typeof Published> {
  try {
    return await import(/* @vite-ignore */ new URL("../storage/published/open-published.ts", import.meta.url).href);
  } catch (error) {
    throw new TidepoolError("NOT_SUPPORTED", `What reads published databases could not be loaded: ${asError(error).message}`, {
      cause: error,
    });
  }
}

/** Log and catalog in memory, as a restore would make them. */
async function openRows(head: BackupHead, entriesOf: EntriesOf, environment: Environment): Promise<Pick<Storage, "log" | "catalog">> {
  const { log, catalog } = await openMemoryStorage();
  const options = { sections: sectionKinds, retention: new LogRetention(), retainVersions: 1 };
  const sysdb = await SysDb.open(catalog, environment, options);
  const [rows, manifests] = [head.collections.map(({ row }) => row), head.collections.map((saved) => saved.manifests)];
  await sysdb.restore(head, rows, manifests, true);
  for (const [at, { row, manifests }] of head.collections.entries()) {
    const { offset, link } = manifests.at(-1)!;
    let last = { offset, link };
    for (const bytes of await entriesOf(at)) {
      last = await new Log(log).append({ collectionId: row.id, applied: () => last }, bytes, async (place) => place);
    }
  }
  return { log, catalog };
}
