import { describe, expect, it } from "vitest";
import { TidepoolError } from "../core/errors.js";
import { kernelBytes } from "./kernel-for-tests.js";
import { loadKernel, simdSupported } from "./load.js";

const bytes = await kernelBytes();

describe("loadKernel", () => {
  it("takes bytes, a view, a response, a promise of one and a compiled module", async () => {
    const sources = [
      bytes.buffer,
      bytes,
      new Response(bytes, { headers: { "content-type": "text/plain" } }),
      Promise.resolve(new Response(bytes)),
      await WebAssembly.compile(bytes),
    ];
    for (const source of sources) {
      const kernel = await loadKernel(source);
      expect(kernel.name).toBe("wasm-simd");
      expect(kernel.createTable(7).dimension).toBe(7);
    }
  });

  it("names the status of a response that is no kernel", async () => {
    const missing = loadKernel(new Response("not here", { status: 404 }));
    await expect(missing).rejects.toThrow(/status 404/);
    await expect(missing).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });

  it("says why bytes do not compile", async () => {
    const broken = loadKernel(new TextEncoder().encode("<!doctype html>"));
    await expect(broken).rejects.toBeInstanceOf(TidepoolError);
    await expect(broken).rejects.toMatchObject({ code: "NOT_SUPPORTED", cause: expect.any(WebAssembly.CompileError) });
  });

  it("gives every table a memory of its own", async () => {
    const kernel = await loadKernel(bytes);
    const [a, b] = [kernel.createTable(1), kernel.createTable(1)];
    a.set(0, Int8Array.of(1), Float32Array.of(1), Float32Array.of(5));
    b.set(0, Int8Array.of(1), Float32Array.of(1), Float32Array.of(9));
    expect(a.scan(Int16Array.of(1), 1, 1, Uint32Array.of(1)).distances[0]).toBe(6);
  });
});

describe("simdSupported", () => {
  it("agrees with what this engine runs", () => {
    expect(simdSupported()).toBe(WebAssembly.validate(bytes));
  });
});
