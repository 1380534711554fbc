/** What `client.publish` takes, and tells. */

/** A file of a {@link PublishDirectory}, as `FileSystemFileHandle` has it. */
export interface PublishFile {
  /** What the file has now. */
  getFile(): Promise<{ readonly size: number; slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> } }>;
  /** What is written takes the place of the file when it is closed, and not before. */
  createWritable(): Promise<{
    write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
}

/** Where to publish: a `FileSystemDirectoryHandle`, or what does the same. */
export interface PublishDirectory {
  /** The file of this name; made where there is none and `create` says so. */
  getFileHandle(name: string, options?: { create?: boolean }): Promise<PublishFile>;
  /** Removes a file. */
  removeEntry(name: string): Promise<void>;
  /** The names of all files. */
  keys(): AsyncIterable<string>;
}

/** How far publishing is. */
export interface PublishProgress {
  /** Bytes of blocks that are in the files so far, those that were there already included. */
  bytes: number;
  /** Bytes of all blocks. */
  totalBytes: number;
}

/** Options of `client.publish`. */
export interface PublishOptions {
  /** Longest file, at least 1 MiB, for hosts that take no longer ones. Fewer files mean fewer requests. Default 1 GiB. */
  fileBytesMax?: number;
  /** Ends it: nothing is published then. */
  signal?: AbortSignal;
  /** Told after each part. Must not throw. */
  onProgress?: (progress: PublishProgress) => void;
}

/** What `client.publish` has published. */
export interface PublishReport {
  /** Of this publication alone. */
  id: string;
  /** Number of collections. */
  collections: number;
  /** Records of all of them. */
  records: number;
  /** Bytes of all files that readers may need, the manifest included. */
  bytes: number;
  /** Bytes that were written for it. */
  bytesWritten: number;
  /** Names of all files, the manifest last: the order in which to upload them. */
  files: string[];
}
