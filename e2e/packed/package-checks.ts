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
