/** voy-search: a k-d tree, exact, without filters. Its glue expects a bundler's WebAssembly imports, so it gets its instance by hand. */
import * as glue from "voy-search/voy_search_bg.js";
import url from "voy-search/voy_search_bg.wasm?url";
import { rowOf } from "../../vector/exact.js";
import { serve } from "./serve.js";
import { loadParts, saveParts } from "./snapshot-file.js";
import type { SharedSet, VectorEngine } from "./vector-engine.js";

class VoySearch implements VectorEngine {
  #set: SharedSet | null = null;
  #index: glue.Voy | null = null;

  async prepare(set: SharedSet): Promise<void> {
    await load();
    this.#set = set;
    this.#index = new glue.Voy();
  }

  add(from: number, to: number): void {
    const embeddings = Array.from({ length: to - from }, (_, i) => ({
      id: String(from + i),
      title: "",
      url: "",
      embeddings: [...rowOf(this.#set!.base, from + i)],
    }));
    this.#index!.add({ embeddings });
  }

  search(query: Float32Array, k: number): number[] {
    return this.#index!.search(query, k).neighbors.map(({ id }) => Number(id));
  }

  save(): Promise<number> {
    return saveParts(`voy-${this.#set!.name}`, [new TextEncoder().encode(this.#index!.serialize())]);
  }

  async open(set: SharedSet): Promise<void> {
    await load();
    this.#set = set;
    const [text] = await loadParts(`voy-${set.name}`);
    this.#index = glue.Voy.deserialize(new TextDecoder().decode(text));
  }
}

async function load(): Promise<void> {
  const bytes = await (await fetch(url)).arrayBuffer();
  const { instance } = await WebAssembly.instantiate(bytes, { "./voy_search_bg.js": glue as unknown as WebAssembly.ModuleImports });
  glue.__wbg_set_wasm(instance.exports);
}

serve(new VoySearch());
