/** The upkeep of a whole path: verification and repair, vacuum and erasure, backups and restores. */
import { useRef, useState } from "preact/hooks";
import type { RepairReport, VerifyProgress, VerifyReport } from "../api/verify.js";
import type { RestoreMode } from "../core/service.js";
import { Confirm } from "./dialog.js";
import { bytes, count } from "./format.js";
import type { Session } from "./session.js";
import { backUp, restore } from "./transfers.js";

export function Maintenance({ session }: { session: Session }) {
  return (
    <>
      <Verification session={session} />
      <Space session={session} />
      <Backups session={session} />
    </>
  );
}

function Verification({ session }: { session: Session }) {
  const [report, setReport] = useState<VerifyReport | null>(null);
  const [isDeep, setDeep] = useState(true);
  const [isAsking, setAsking] = useState(false);
  const verify = (): Promise<boolean> =>
    session.work("Verification", async ({ signal, onProgress }) => {
      const told = ({ share, done, total }: VerifyProgress): void => onProgress(share, 1, `${done} of ${count(total, "collection")}`);
      const found = await session.root.verify({ deep: isDeep, signal, onProgress: told });
      setReport(found);
      return found.isSound ? "Everything is sound" : "Damage was found";
    });
  const repair = (): Promise<boolean> =>
    session.work("Repair", async ({ signal }) => {
      const done = await session.root.repair({ signal });
      setReport(null);
      return repaired(done);
    });
  return (
    <section>
      <h3>Verify</h3>
      <p class="hint">Reads all that is stored: every checksum and reference, and, deep, every index against the records.</p>
      <div class="actions">
        <button type="button" onClick={() => void verify()}>
          Verify
        </button>
        <label class="option">
          <input type="checkbox" checked={isDeep} onChange={() => setDeep(!isDeep)} /> Deep
        </label>
        {report?.isSound === false && (
          <button type="button" class="danger" onClick={() => setAsking(true)}>
            Repair
          </button>
        )}
      </div>
      {report !== null && <Findings report={report} />}
      {isAsking && (
        <Confirm title="Repair the database?" action="Repair database" onConfirm={repair} onClose={() => setAsking(false)}>
          What can be read is kept, and indexes are built anew. Earlier versions of repaired collections are given up. Make a copy of the
          files first if they matter.
        </Confirm>
      )}
    </section>
  );
}

const repaired = ({ collections }: RepairReport): string =>
  collections.length === 0
    ? "There was nothing to repair"
    : `Repaired ${collections.map(({ name, kept, counted }) => `${name}: ${kept} of ${counted ?? "?"} records kept`).join(", ")}`;

function Findings({ report }: { report: VerifyReport }) {
  const found = [
    ...report.findings.map((finding) => ({ where: "catalog", finding })),
    ...report.collections.flatMap(({ name, findings }) => findings.map((finding) => ({ where: name, finding }))),
  ];
  const read = report.collections.reduce((sum, { counts }) => sum + counts.blocks, 0);
  return (
    <>
      <p>
        {report.isSound ? "Sound" : "Damaged"}: {count(report.collections.length, "collection")}, {count(read, "block")} read.
      </p>
      <ul class="findings">
        {found.slice(0, 100).map(({ where, finding }) => (
          <li key={`${where} ${finding.kind} ${finding.place}`} class="fault">
            {where}, {finding.kind} {finding.place}: {finding.message}
          </li>
        ))}
      </ul>
    </>
  );
}

function Space({ session }: { session: Session }) {
  const [isAsking, setAsking] = useState(false);
  const vacuum = (erase: boolean): Promise<boolean> =>
    session.work(erase ? "Erasure" : "Vacuum", async ({ signal, onProgress }) => {
      const told = ({ done, total }: { done: number; total: number }): void => onProgress(done, total, `step ${done} of ${total}`);
      const { blockBytesReserved, blockBytesUsed, versionsKept } = await session.root.vacuum({ erase, signal, onProgress: told });
      const kept = versionsKept === 0 ? "" : `; ${count(versionsKept, "earlier version")} kept`;
      return `${bytes(blockBytesReserved)} reserved, ${bytes(blockBytesUsed)} used${kept}`;
    });
  return (
    <section>
      <h3>Space</h3>
      <p class="hint">
        A vacuum compacts all collections and gives free space back. Erasing overwrites besides what was deleted or replaced, by writing
        every collection anew.
      </p>
      <div class="actions">
        <button type="button" onClick={() => void vacuum(false)}>
          Vacuum
        </button>
        <button type="button" class="danger" onClick={() => setAsking(true)}>
          Erase what was deleted
        </button>
      </div>
      {isAsking && (
        <Confirm
          title="Erase what was deleted?"
          action="Erase for good"
          onConfirm={() => Promise.resolve(void vacuum(true))}
          onClose={() => setAsking(false)}
        >
          Every collection is written anew, which takes as long as writing it did, and up to a minute more. What was deleted cannot be
          brought back from the files then.
        </Confirm>
      )}
    </section>
  );
}

function Backups({ session }: { session: Session }) {
  const [versions, setVersions] = useState(false);
  const [mode, setMode] = useState<RestoreMode>("merge");
  const picker = useRef<HTMLInputElement>(null);
  const chosen = (): void => {
    const [file] = picker.current!.files ?? [];
    if (file !== undefined) void restore(session, file, mode);
    picker.current!.value = "";
  };
  return (
    <section>
      <h3>Backup</h3>
      <p class="hint">One file with everything of this path. A restore takes all of it in, or nothing.</p>
      <div class="actions">
        <button type="button" onClick={() => void backUp(session, versions)}>
          Back up
        </button>
        <label class="option">
          <input type="checkbox" checked={versions} onChange={() => setVersions(!versions)} /> with earlier versions
        </label>
      </div>
      <div class="actions">
        <button type="button" onClick={() => picker.current!.click()}>
          Restore a backup
        </button>
        <label class="option">
          Mode
          <select value={mode} onChange={(event) => setMode(event.currentTarget.value as RestoreMode)}>
            <option value="merge">merge: beside what there is</option>
            <option value="new">new: into an empty database</option>
          </select>
        </label>
        <input ref={picker} type="file" hidden aria-label="Backup to restore" onChange={chosen} />
      </div>
    </section>
  );
}
