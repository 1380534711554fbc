/** Loads helpers where the page is cross-origin isolated. */
import type { LackingHelpers } from "../wasm/table-helpers.js";
import type * as Cores from "./cores.js";
import type { NewHelpers } from "./open-kernel.js";
import { asError } from "./protocol.js";

/** Not followed by bundlers, as in `load-stem.ts`. The inline variant has no such file. */
const coresUrl: URL | null = new URL("./cores.ts", import.meta.url);

/** Whether this context may share memory with workers of its own, and can tell when they end. */
const mayHaveHelpers =
  globalThis.crossOriginIsolated === true && coresUrl !== null && navigator.locks !== undefined && typeof Worker === "function";

const load: NewHelpers = async (bytes) => {
  try {
    const { newHelpers } = (await import(/* @vite-ignore */ coresUrl!.href)) as typeof Cores;
    return newHelpers(bytes);
  } catch (error) {
    return lacking(`cores.js, which belongs beside worker.js, could not be loaded: ${asError(error).message}`);
  }
};

/** Nobody helps, and the engine is told why. */
function lacking(alone: string): LackingHelpers {
  return {
    isWanted: false,
    byteLength: 0,
    running: 0,
    cores: 2,
    alone,
    use: () => undefined,
    rest: () => undefined,
    serve: ({ onTrouble }) => onTrouble(alone),
  };
}

export const loadHelpers: NewHelpers | undefined = mayHaveHelpers ? load : undefined;
