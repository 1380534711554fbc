/**
 * Counts the WebAssembly memory of a worker, which neither the browser's heap figures nor an engine's own account can be
 * trusted to include. Imported before any engine, so that it sees every memory that is made or comes out of an instance.
 */
const memories = new Set<WebAssembly.Memory>();

function collect(instance: WebAssembly.Instance): WebAssembly.Instance {
  for (const value of Object.values(instance.exports)) if (value instanceof WebAssembly.Memory) memories.add(value);
  return instance;
}

function collectFromResult<T extends WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource>(result: T): T {
  collect(result instanceof WebAssembly.Instance ? result : result.instance);
  return result;
}

const { Memory, Instance, instantiate, instantiateStreaming } = WebAssembly;

WebAssembly.Memory = new Proxy(Memory, {
  construct(target, args: [WebAssembly.MemoryDescriptor]) {
    const memory = new target(...args);
    memories.add(memory);
    return memory;
  },
});
WebAssembly.Instance = new Proxy(Instance, {
  construct: (target, args: [WebAssembly.Module, WebAssembly.Imports?]) => collect(new target(...args)),
});
WebAssembly.instantiate = ((...args: Parameters<typeof instantiate>) =>
  instantiate(...args).then(collectFromResult)) as unknown as typeof instantiate;
WebAssembly.instantiateStreaming = (...args) => instantiateStreaming(...args).then(collectFromResult);

/** Bytes of all memories that are still there, grown as they are now. */
export function wasmBytes(): number {
  return [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}
