import assert from "node:assert/strict";
import { type Apps, bin, install, installExample, run } from "./packed-app.js";

export const packageChecks: Apps = {
  publint: async ({ tarball, work }) => {
    const output = run(bin("publint"), ["run", tarball, "--strict"], work);
    if (!output.includes("All good!")) throw new Error(output);
  },
  attw: async ({ tarball, work }) => {
    // ESM only, so what a CommonJS project would find is left out; the bytes of kernels and model have no types.
    const bytes = ["./tidepool.wasm", "./tidepool-relaxed.wasm", "./sentence-encoder.bin"];
    run(bin("attw"), [tarball, "--profile", "esm-only", "--exclude-entrypoints", ...bytes], work);
  },
  node: async (packed) => {
    const app = await installExample(packed, "import-map");
    const code = `
      const before = Object.getOwnPropertyNames(globalThis).join();
      if (typeof window !== "undefined") throw new Error("this is no page");
      await import("tidepool-db/inspector");
      await import("tidepool-db/sentence-encoder");
      await import("tidepool-db/transformers");
      for (const name of ["tidepool-db", "tidepool-db/inline"]) {
        const { TidepoolClient } = await import(name);
        new TidepoolClient();
      }
      if (Object.getOwnPropertyNames(globalThis).join() !== before) throw new Error("importing left globals behind");`;
    // It ends by itself, too: nothing that importing started keeps the process alive.
    const output = run(process.execPath, ["--input-type=module", "--eval", code], app);
    if (output !== "") throw new Error(`importing printed ${output}`);
  },
  "NodeClient and the command": async (packed) => {
    const app = await install(packed, "node");
    const told = JSON.parse(run(process.execPath, ["main.js"], app)) as Record<string, unknown>;
    assert.deepEqual(told, { ids: ["a"], kernel: told["kernel"], storage: "directory", inMemory: 1 });
    if (!String(told["kernel"]).startsWith("wasm-")) throw new Error(`the kernel is ${told["kernel"]}`);
    const command = (...words: string[]): string => run("npx", ["--no-install", "tidepool-db", ...words], app);
    const inspected = command("inspect", "./notes");
    if (!/notes\b.*\b2\b/s.test(inspected)) throw new Error(`inspect printed ${inspected}`);
    command("verify", "./notes", "--deep");
    const lines = command("export", "./notes", "--collection", "notes").trim().split("\n");
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { id?: string }).id).filter((id) => id !== undefined),
      ["a", "b"],
    );
  },
  types: async (packed) => {
    const app = await install(packed, "types");
    // LangChain's own declarations need what came after ES2022.
    for (const [file, lib] of [
      ["main.ts", "es2022,dom"],
      ["langchain.ts", "es2022,esnext.disposable,dom"],
    ] as const) {
      for (const [module, moduleResolution] of [
        ["nodenext", "nodenext"],
        ["esnext", "bundler"],
      ] as const) {
        const libraries = ["--target", "es2022", "--lib", lib, "--types", ""];
        const modules = ["--module", module, "--moduleResolution", moduleResolution];
        run(bin("tsc"), ["--noEmit", "--strict", ...libraries, ...modules, "--ignoreConfig", file], app);
      }
    }
  },
};
