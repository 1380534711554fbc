/**
 * A stream of bytes that are made as they are read, by code that is loaded when the stream is made. What makes them begins at once,
 * so that a moment which it holds is that of the call; it goes no further than it is read, and is let go when the stream is cancelled.
 */

/** Makes bytes until there are none; `return` lets go of everything, also where nothing was asked for. */
export interface ByteSource {
  next(): Promise<IteratorResult<Uint8Array<ArrayBuffer>, unknown>>;
  return(): Promise<unknown>;
}

export function lazyStream(begin: () => Promise<ByteSource>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const begun = begin();
  // Whoever reads is told.
  begun.catch(() => undefined);
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { done, value } = await (await begun).next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await (await begun).return();
      },
    },
    { highWaterMark: 0 },
  );
}
