/**
 * TensorFlow.js with its WebAssembly backend in a worker of its own, running the model of the sentence encoder from the weights that
 * ours are made of. It gets the ids of pieces, and so has no tokenizer to run.
 */
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import { env, ready, setBackend, tensor1d, tensor2d } from "@tensorflow/tfjs-core";

const loaded = (async () => {
  // The page is isolated, where the backend would start threads from a blob; ours has one thread, too.
  env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  setWasmPaths(new URL("../tensorflow/", location.href).href);
  await setBackend("wasm");
  await ready();
  return loadGraphModel(new URL("../weights/model.json", location.href).href);
})();

addEventListener("message", async ({ data: ids }: MessageEvent<number[]>) => {
  const model = await loaded;
  const indices = tensor2d(
    ids.map((_, place) => [0, place]),
    [ids.length, 2],
    "int32",
  );
  const values = tensor1d(ids, "int32");
  const embedding = await model.executeAsync({ indices, values });
  postMessage(await embedding.data());
  for (const tensor of [indices, values, embedding]) tensor.dispose();
});
