/** Opens a published database: what reads it is loaded with the first. */
import { crc32 } from "../core/base/checksum.js";
import { sectionKinds } from "../core/collection/parts.js";
import { invalidArgument, TidepoolError } from "../core/errors.js";
import { Log } from "../core/log/log.js";
import { LogRetention } from "../core/log/log-retention.js";
import type { OpenOptions } from "../core/service.js";
import type { Environment, Storage } from "../core/storage.js";
import { FORMAT_VERSION, SysDb } from "../core/sysdb/sysdb.js";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import type * as Published from "../storage/published/open-published.js";
import type { CacheFile } from "../storage/published/published-tools.js";
import type { Tenure } from "../storage/tenure.js";
import { loadPart } from "./load-part.js";

/** `openFile` opens a file that keeps what was read; `null` where nothing can be kept. */
export async function openSource(
  { source, storage, memoryBudgetBytes, encryption }: OpenOptions,
  environment: Environment,
  { lost, warn }: Pick<Tenure, "lost" | "warn">,
  openFile: (name: string) => Promise<CacheFile | null>,
): Promise<Storage> {
  if (encryption !== undefined)
    throw invalidArgument("encryption is for what is stored here, and a published database is read from its host");
  const { openPublished } = await loadPart("What reads published databases", load);
  return openPublished(source!, {
    error: (code, message, options) => new TidepoolError(code, message, options),
    crc32,
    openFile,
    warn: (message) => warn?.({ code: "SOURCE_UNREACHABLE", message }),
    lost,
    storage,
    memoryBudgetBytes,
    makers: { SysDb, Log, LogRetention, sectionKinds, openMemoryStorage, environment },
    formatVersionMax: FORMAT_VERSION,
  });
}

/** Not followed by bundlers, which would have to divide the worker; they copy the file as they do with the kernels. */
const load = (): Promise<typeof Published> =>
  import(/* @vite-ignore */ new URL("../storage/published/open-published.ts", import.meta.url).href);
