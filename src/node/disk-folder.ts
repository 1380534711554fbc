/** A directory of the disk as browsers have them, as far as publishing into it takes: files are there whole or not at all. */
import fs from "node:fs";
import { join } from "node:path";
import type { PublishDirectory, PublishFile } from "../api/publish/publish-arguments.js";
import { makeDirectory, syncDirectory } from "../storage/directory/disk-directory.js";
import { onDisk } from "../storage/directory/disk-error.js";

export class DiskFolder implements PublishDirectory {
  readonly #path: string;

  /** Makes nothing before a file is made. */
  constructor(path: string) {
    this.#path = path;
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<PublishFile> {
    const path = join(this.#path, name);
    if (!fs.existsSync(path) && !create) throw new DOMException(`There is no file ${path}`, "NotFoundError");
    if (create) makeDirectory(this.#path);
    return {
      getFile: () => fs.openAsBlob(path),
      createWritable: async () => new Draft(this.#path, name),
    };
  }

  async removeEntry(name: string): Promise<void> {
    onDisk(`remove the file ${join(this.#path, name)}`, () => fs.rmSync(join(this.#path, name), { force: true }));
  }

  async *keys(): AsyncIterable<string> {
    yield* onDisk(`list the directory ${this.#path}`, () => fs.readdirSync(this.#path));
  }
}

/** A file under another name, which takes its own when it is closed, after all of it is on the disk. */
class Draft {
  readonly #directory: string;
  readonly #name: string;
  readonly #handle: number;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#name = name;
    this.#handle = onDisk(`create the file ${this.#draft}`, () => fs.openSync(this.#draft, "w"));
  }

  get #draft(): string {
    return join(this.#directory, `${this.#name}.part`);
  }

  async write(bytes: Uint8Array): Promise<void> {
    onDisk(`write the file ${this.#draft}`, () => {
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(this.#handle, bytes, at);
    });
  }

  async close(): Promise<void> {
    onDisk(`sync the file ${this.#draft}`, () => {
      fs.fsyncSync(this.#handle);
      fs.closeSync(this.#handle);
      fs.renameSync(this.#draft, join(this.#directory, this.#name));
    });
    syncDirectory(this.#directory);
  }

  async abort(): Promise<void> {
    fs.closeSync(this.#handle);
    fs.rmSync(this.#draft, { force: true });
  }
}
