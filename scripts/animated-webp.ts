/** Still WebP pictures as one moving picture: the container of RIFF chunks that the format's specification describes. */

export interface Frame {
  /** A whole WebP file of a still picture. */
  webp: Uint8Array;
  /** Milliseconds for which it is shown. */
  ms: number;
}

export function animate(frames: readonly Frame[], width: number, height: number): Buffer {
  const extended = Buffer.alloc(10);
  // The flag for animation.
  extended[0] = 2;
  extended.writeUIntLE(width - 1, 4, 3);
  extended.writeUIntLE(height - 1, 7, 3);
  // A ground that is not seen, and no end to the repetitions.
  const animation = Buffer.alloc(6);
  const parts = [chunkOf("VP8X", extended), chunkOf("ANIM", animation), ...frames.map((frame) => frameOf(frame, width, height))];
  return chunkOf("RIFF", Buffer.concat([Buffer.from("WEBP"), ...parts]));
}

function frameOf({ webp, ms }: Frame, width: number, height: number): Buffer {
  const head = Buffer.alloc(16);
  head.writeUIntLE(width - 1, 6, 3);
  head.writeUIntLE(height - 1, 9, 3);
  head.writeUIntLE(ms, 12, 3);
  return chunkOf("ANMF", Buffer.concat([head, pictureOf(webp)]));
}

/** The chunk that holds the picture itself, as it stands in the file. */
function pictureOf(webp: Uint8Array): Buffer {
  const file = Buffer.from(webp);
  for (let at = 12; at < file.length; ) {
    const size = 8 + file.readUInt32LE(at + 4);
    if (/^VP8[ L]$/.test(file.toString("latin1", at, at + 4))) return file.subarray(at, at + size + (size & 1));
    at += size + (size & 1);
  }
  throw new Error("this is no WebP file of a still picture");
}

function chunkOf(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(name, "latin1");
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length & 1)]);
}
