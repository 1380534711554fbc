/**
 * Log and catalog of a published database: in memory, as a restore of the backup that it is would make them, and closed to writes after
 * that. So whatever would change the database is refused where it would, and nothing of it is left.
 */
import type { BackupHead } from "../../core/backup/backup-file.js";
import type { Storage } from "../../core/storage.js";
import type { PublishedTools } from "./published-tools.js";

/** Log records that the segments do not have, by the place of their collection in the head. */
export type EntriesOf = (collection: number) => Promise<readonly Uint8Array[]>;

export async function openRows(head: BackupHead, entriesOf: EntriesOf, tools: PublishedTools): Promise<Pick<Storage, "log" | "catalog">> {
  const { SysDb, Log, LogRetention, sectionKinds, openMemoryStorage, environment } = tools.makers;
  const { log, catalog } = await openMemoryStorage();
  const sysdb = await SysDb.open(catalog, environment, { sections: sectionKinds, retention: new LogRetention(), retainVersions: 1 });
  const [rows, manifests] = [head.collections.map(({ row }) => row), head.collections.map((saved) => saved.manifests)];
  await sysdb.restore(head, rows, manifests, true);
  for (const [at, { row, manifests }] of head.collections.entries()) {
    const { offset, link } = manifests.at(-1)!;
    let last = { offset, link };
    for (const bytes of await entriesOf(at)) {
      last = await new Log(log).append({ collectionId: row.id, applied: () => last }, bytes, async (place) => place);
    }
  }
  const refuse = async (): Promise<never> => {
    throw readOnly(tools);
  };
  return { log: { ...log, append: refuse }, catalog: { ...catalog, commit: refuse } };
}

export function readOnly({ error }: PublishedTools): Error {
  return error("READ_ONLY", "The database is read-only, since it is a published one");
}
