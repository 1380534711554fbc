/**
 * What the worker does when a page opens it: lease, storage, kernel, engine, in this order, and all of it undone when a
 * later step fails, so that the page can simply try again. Parts come in from `worker.ts`; tests bring their own.
 */
import { TidepoolError } from "../core/errors.js";
import type { EngineService, OpenOptions } from "../core/service.js";
import type { Storage } from "../core/storage.js";
import { VERSION } from "../version.js";
import { acquireLease, holdUntilDeath, type Lease, type Locks } from "./lease.js";
import { asError, type WorkerHost } from "./protocol.js";

/** What a host is made of. */
export interface HostParts {
  locks: Locks | undefined;
  openStorage(options: OpenOptions): Promise<Storage>;
  destroyStorage(path: string): Promise<void>;
  openEngine(storage: Storage, options: OpenOptions): Promise<EngineService>;
  randomId(): string;
}

/** The object that `worker.ts` exposes. */
export function createHost(parts: HostParts): WorkerHost {
  let service: EngineService | null = null;
  let opening = false;
  return {
    async open(options, release) {
      if (release !== VERSION) throw versionMismatch(release);
      if (opening || service !== null) throw new TidepoolError("INTERNAL", "This worker has been opened already");
      opening = true;
      try {
        const engine = await openEngine(parts, options);
        const presence = await announcePresence(parts);
        service = tidyErrors(engine);
        return presence;
      } catch (error) {
        throw tidy(error);
      } finally {
        opening = false;
      }
    },
    async destroy(path, release) {
      if (release !== VERSION) throw versionMismatch(release);
      try {
        await destroy(parts, path);
      } catch (error) {
        throw tidy(error);
      }
    },
    get service() {
      if (service === null) throw new TidepoolError("INTERNAL", "The worker was called before it was opened");
      return service;
    },
  };
}

async function openEngine(parts: HostParts, options: OpenOptions): Promise<EngineService> {
  const lease = options.storage === "memory" ? null : await acquireLease(parts.locks, options.path);
  try {
    const storage = await parts.openStorage(options);
    try {
      return releasing(await parts.openEngine(storage, options), lease);
    } catch (error) {
      await storage.close();
      throw error;
    }
  } catch (error) {
    lease?.release();
    throw error;
  }
}

async function destroy(parts: HostParts, path: string): Promise<void> {
  const lease = await acquireLease(parts.locks, path);
  try {
    await parts.destroyStorage(path);
  } finally {
    lease.release();
  }
}

async function announcePresence(parts: HostParts): Promise<string | null> {
  if (parts.locks === undefined) return null;
  const name = `tidepool-worker:${parts.randomId()}`;
  await holdUntilDeath(parts.locks, name);
  return name;
}

/** The engine whose `close` also gives the lease back, after the engine has let go of everything. */
function releasing(engine: EngineService, lease: Lease | null): EngineService {
  if (lease === null) return engine;
  const close = engine.close.bind(engine);
  engine.close = async () => {
    try {
      await close();
    } finally {
      lease.release();
    }
  };
  return engine;
}

/** Whatever an engine throws leaves the worker as a `TidepoolError`. */
function tidyErrors(engine: EngineService): EngineService {
  return new Proxy(engine, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== "function") return method;
      return async (...args: unknown[]) => {
        try {
          return await Reflect.apply(method, target, args);
        } catch (error) {
          throw tidy(error);
        }
      };
    },
  });
}

function tidy(error: unknown): TidepoolError {
  if (error instanceof TidepoolError) return error;
  const { name, message } = asError(error);
  return new TidepoolError("INTERNAL", `Unexpected ${name}: ${message}`, { cause: error });
}

function versionMismatch(release: string): TidepoolError {
  return new TidepoolError(
    "NOT_SUPPORTED",
    `The page runs tidepool-db ${release} but its worker file is of ${VERSION}: reload the page, or serve both files of one release`,
    { details: { page: release, worker: VERSION } },
  );
}
