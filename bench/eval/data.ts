/** Reads the evaluation data that the harness serves under `data/`. */

async function fetchOk(path: string): Promise<Response> {
  const response = await fetch(`./data/${path}`);
  if (!response.ok) throw new Error(`data/${path}: HTTP ${response.status}`);
  return response;
}

export async function readFloats(path: string): Promise<Float32Array> {
  return new Float32Array(await (await fetchOk(path)).arrayBuffer());
}

export async function readJson<T>(path: string): Promise<T> {
  return (await fetchOk(path)).json() as Promise<T>;
}

export async function readLines(path: string): Promise<string[]> {
  return (await (await fetchOk(path)).text()).split("\n").filter((line) => line !== "");
}

export async function readJsonLines<T>(path: string): Promise<T[]> {
  return (await readLines(path)).map((line) => JSON.parse(line) as T);
}
