/** Starts the worker for files, under a policy that takes trusted types only, too. */
import workerUrl from "./file-worker.ts?worker&url";

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** It trusts the one URL that was put here when the page was built. */
const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("demo-files", {
  createScriptURL: () => workerUrl,
});

export function startWorker(): Worker {
  return new Worker(policy?.createScriptURL("") ?? workerUrl, { type: "module" });
}
