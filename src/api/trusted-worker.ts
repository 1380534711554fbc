/**
 * Starts workers where a page's policy takes trusted types only (`require-trusted-types-for 'script'`): there a worker's
 * constructor refuses plain URLs. Bundlers, though, find a worker's file by one form of expression, in which a URL is made inside the
 * call of the constructor. So that form stays, and for the one step in which it is evaluated the constructor trusts what it is given.
 * It remembers it, too: nothing else tells where a worker that cannot be loaded was to come from.
 *
 * The policy never leaves this file: nothing else of the page can have a URL trusted by it.
 */

interface ScriptPolicy {
  createScriptURL(url: string): unknown;
}

interface Scope {
  trustedTypes?: { createPolicy(name: string, rules: ScriptPolicy): ScriptPolicy };
  Worker: new (url: unknown, options?: WorkerOptions) => object;
  SharedWorker: new (url: unknown, options?: WorkerOptions) => object;
}

/** What a page's directive `trusted-types` has to name, where it has one. */
const POLICY = "tidepool-db";

let policy: ScriptPolicy | null | undefined;

const addresses = new WeakMap<object, string>();

/** The URL of a worker that was started here, or of one whose start failed with this error; `undefined` of others. */
export function addressOf(workerOrError: unknown): string | undefined {
  return addresses.get(workerOrError as object);
}

/** What `start` makes, which is to make one worker of this kind, of a URL of ours, at once. */
export function trusting<T extends object>(kind: "Worker" | "SharedWorker", start: () => T): T {
  const scope = globalThis as unknown as Scope;
  policy ??= createPolicy(scope);
  const plain = scope[kind];
  let address = "";
  scope[kind] = class {
    constructor(url: unknown, options?: WorkerOptions) {
      address = String(url);
      // biome-ignore lint/correctness/noConstructorReturn: it stands in for the real one
      return new plain(policy?.createScriptURL(address) ?? url, options);
    }
  };
  let outcome: unknown;
  try {
    return (outcome = start()) as T;
  } catch (error) {
    throw (outcome = error);
  } finally {
    scope[kind] = plain;
    addresses.set(outcome as object, address);
  }
}

/** `null` where there are no trusted types, or the page allows no policy of this name: then plain URLs are what can be tried. */
function createPolicy({ trustedTypes }: Scope): ScriptPolicy | null {
  try {
    return trustedTypes?.createPolicy(POLICY, { createScriptURL: (url) => url }) ?? null;
  } catch {
    return null;
  }
}
