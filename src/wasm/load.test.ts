import { describe, expect, it, vi } from "vitest";
import { TidepoolError } from "../core/errors.js";
import { builds, kernelBytes } from "../testing/kernel.js";
import { loadKernel, supportedBuild } from "./load.js";

const bytes = await kernelBytes("wasm-simd");

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

describe("supportedBuild", () => {
  /** As if the engine knew no module that is valid only with what `isMissing` finds in it. */
  function without(isMissing: (bytes: Uint8Array) => boolean): ReturnType<typeof supportedBuild> {
    const { validate } = WebAssembly;
    const spy = vi
      .spyOn(WebAssembly, "validate")
      .mockImplementation((bytes) => !isMissing(new Uint8Array(bytes as ArrayBuffer)) && validate(bytes));
    try {
      return supportedBuild();
    } finally {
      spy.mockRestore();
    }
  }

  it("is the relaxed build where that is valid, the other where only that is, and else none", async () => {
    const relaxed = await kernelBytes("wasm-relaxed-simd");
    expect(supportedBuild()).toBe(WebAssembly.validate(relaxed) ? "wasm-relaxed-simd" : "wasm-simd");
    expect(without((bytes) => bytes.includes(146))).toBe("wasm-simd");
    expect(without(() => true)).toBeNull();
  });

  it("names kernels that this engine runs", async () => {
    for (const build of builds) expect((await loadKernel(await kernelBytes(build), build)).name).toBe(build);
  });
});
