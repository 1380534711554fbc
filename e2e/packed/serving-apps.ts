/** Serves apps: by their own server, or as files. */
import { type ChildProcess, spawn } from "node:child_process";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { serveFolder } from "../../tools/browser/static-server.js";
import { appEnvironment } from "./packed-app.js";

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Starts an app's own server, which is Vite's, uses it once it answers, and ends it. */
export function whileServing(app: string, args: string[], path: string, use: (url: string) => Promise<void>): Promise<void> {
  return whileRunning(app, ["vite", ...args, "--host", "127.0.0.1", "--strictPort"], path, use);
}

/** Starts what an app has installed to serve it, and what takes `--port`; uses it once it answers, and ends it. */
export async function whileRunning(app: string, command: string[], path: string, use: (url: string) => Promise<void>): Promise<void> {
  const port = await freePort();
  const [server, ...args] = command;
  const child = spawn(join(app, "node_modules/.bin", server!), [...args, "--port", String(port)], {
    cwd: app,
    env: appEnvironment(),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (data: Buffer) => void (complaint += data.toString()));
  try {
    const url = `http://localhost:${port}${path}`;
    await untilAnswering(url, child).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${complaint}`);
    });
    await use(url);
  } finally {
    child.kill();
  }
}

export async function untilAnswering(url: string, child: ChildProcess): Promise<void> {
  const end = Date.now() + 60_000;
  while (
    !(await fetch(url).then(
      (response) => response.ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error(`the server exited with ${child.exitCode}`);
    if (Date.now() > end) throw new Error(`${url} does not answer`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

export async function whileStatic(folder: string, use: (url: string) => Promise<void>, headers?: Record<string, string>): Promise<void> {
  const server = await serveFolder(folder, { headers });
  try {
    await use(server.url);
  } finally {
    await server.close();
  }
}
