/** Arrays in one OPFS file, for engines that leave storing to their user: the plainest durable form there is. */

type Part = ArrayBufferView;

/** Of the browser's, which exists in workers only, what is used here. */
interface AccessHandle {
  read(buffer: ArrayBufferView, options: { at: number }): number;
  write(buffer: ArrayBufferView, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

async function open(name: string): Promise<AccessHandle> {
  const folder = await navigator.storage.getDirectory();
  const file = await folder.getFileHandle(`snapshot-${name}`, { create: true });
  return (file as FileSystemFileHandle & { createSyncAccessHandle(): Promise<AccessHandle> }).createSyncAccessHandle();
}

/** Writes and flushes; returns the bytes of the file: the parts' lengths, then the parts. */
export async function saveParts(name: string, parts: readonly Part[]): Promise<number> {
  const handle = await open(name);
  try {
    handle.truncate(0);
    const lengths = Float64Array.of(parts.length, ...parts.map(({ byteLength }) => byteLength));
    let at = handle.write(lengths, { at: 0 });
    for (const part of parts) at += handle.write(part, { at });
    handle.flush();
    return at;
  } finally {
    handle.close();
  }
}

export async function loadParts(name: string): Promise<ArrayBuffer[]> {
  const handle = await open(name);
  try {
    const count = new Float64Array(1);
    handle.read(count, { at: 0 });
    const lengths = new Float64Array(count[0]!);
    let at = 8 + handle.read(lengths, { at: 8 });
    return Array.from(lengths, (length) => {
      const part = new Uint8Array(length);
      at += handle.read(part, { at });
      return part.buffer;
    });
  } finally {
    handle.close();
  }
}
