/**
 * Starts engines in workers that this page knows, so that one of them can be killed. An application has no need of this: without the
 * option `worker` the package starts its own.
 */
import engineUrl from "tidepool-db/worker?worker&url";

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): unknown };
}

const { trustedTypes } = globalThis as unknown as { trustedTypes?: TrustedTypes };
const policy = trustedTypes?.createPolicy("tidepool-demo", {
  createScriptURL(url) {
    if (new URL(url, location.href).origin !== location.origin) throw new Error(`${url} is not the demo's own`);
    return url;
  },
});

/** An address of a script of the demo's own, for where the page's policy asks for trust. */
export function trusted(url: string): string {
  return (policy ? policy.createScriptURL(url) : url) as string;
}

/** A worker of the demo's own, from the address that the build gave it. */
export function startWorker(url: string): Worker {
  return new Worker(trusted(url), { type: "module" });
}

export function startEngine(): Worker {
  return startWorker(engineUrl);
}
