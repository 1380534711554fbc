/** Files that a build makes: when they were made, and how they are put in place. */
import { rename, stat, writeFile } from "node:fs/promises";

/**
 * Time of its last change in milliseconds, 0 where there is no such file.
 *
 * @param {string} path
 */
export async function modified(path) {
  const found = await stat(path).catch((error) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  return found?.mtimeMs ?? 0;
}

/**
 * Whoever reads meanwhile, as test files do that all build at once, sees the old file or the new one, never half of it.
 *
 * @param {string} path
 * @param {Uint8Array} bytes
 */
export async function writeWhole(path, bytes) {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, bytes);
  await rename(draft, path);
}
