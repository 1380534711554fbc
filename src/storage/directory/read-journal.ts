/** Reads a journal from its beginning, to where a crash may have cut it off. `journal-frame.ts` says what is damage and what is not. */
import { TidepoolError } from "../../core/errors.js";
import type { DiskHandle } from "./disk-directory.js";
import {
  decodeChanges,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  HEADER_BYTES,
  isWhole,
  nextMark,
  readFrameHeader,
  readJournalHeader,
} from "./journal-frame.js";
import type { JournalRows } from "./journal-rows.js";

/** Where a journal ends. */
export interface JournalEnd {
  salt: number;
  end: number;
  /** Number of the latest frame. */
  frame: number;
}

export function readJournal(file: DiskHandle, path: string, rows: JournalRows): JournalEnd {
  const salt = readJournalHeader(bytesAt(file, 0, HEADER_BYTES), path);
  let end = HEADER_BYTES;
  for (let number = 1; ; number++) {
    const frame = frameAt(file, end, salt);
    if (frame?.header.number !== number) {
      refuseDamage(file, path, end, { number, salt });
      return { salt, end, frame: number - 1 };
    }
    const payload = frame.bytes.subarray(FRAME_HEADER_BYTES);
    for (const change of decodeChanges(payload)) rows.apply(change, end + FRAME_HEADER_BYTES);
    end += frame.bytes.length;
  }
}

interface Frame {
  header: FrameHeader;
  bytes: Buffer;
}

/** `null` where no whole frame begins. */
function frameAt(file: DiskHandle, at: number, salt: number): Frame | null {
  const header = readFrameHeader(bytesAt(file, at, FRAME_HEADER_BYTES));
  if (header === null || at + FRAME_HEADER_BYTES + header.length > file.getSize()) return null;
  const bytes = bytesAt(file, at, FRAME_HEADER_BYTES + header.length);
  return isWhole(bytes, header, salt) ? { header, bytes } : null;
}

/** Fewer where the file ends. */
function bytesAt(file: DiskHandle, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, file.read(bytes, { at }));
}

/** Bytes that are looked through at once for what comes after an end. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** Rejects an end after which there is a frame that was written when the one that should stand there was durable. */
function refuseDamage(file: DiskHandle, path: string, end: number, { number, salt }: { number: number; salt: number }): void {
  for (let from = end + 1; from < file.getSize(); from += WINDOW_BYTES) {
    // The last bytes of a window may begin a mark that ends in the next.
    const window = bytesAt(file, from, WINDOW_BYTES + 3);
    for (let at = nextMark(window, 0); at >= 0 && at < WINDOW_BYTES; at = nextMark(window, at + 1)) {
      const header = frameAt(file, from + at, salt)?.header;
      if (header === undefined || header.number <= number || header.synced < number) continue;
      throw new TidepoolError(
        "CORRUPTION",
        `The journal ${path} is damaged at byte ${end}: frame ${number} was acknowledged and cannot be read. Nothing was changed`,
        { details: { path, at: end, frame: number } },
      );
    }
  }
}
