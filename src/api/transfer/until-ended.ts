/** The bytes of a generator, with one thing done at its end, however it ends; also where it has not begun. */
import type { ByteSource } from "../lazy-stream.js";

export function untilEnded(bytes: AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>, end: () => Promise<unknown>): ByteSource {
  return {
    async next() {
      try {
        const result = await bytes.next();
        if (result.done) await end();
        return result;
      } catch (error) {
        await end();
        throw error;
      }
    },
    async return() {
      await bytes.return();
      await end();
    },
  };
}
