/** The routes of Chroma's REST v2: what answers them, and what `openapi.json` says of them. */
import { limits } from "../../core/limits.js";
import {
  addBody,
  conditionalCommitBody,
  conditionalGetBody,
  createCollectionBody,
  deleteBody,
  forkBody,
  getBody,
  nameBody,
  queryBody,
  searchBody,
  updateBody,
  updateCollectionBody,
  updateTenantBody,
  upsertBody,
} from "./bodies.js";
import type { Call } from "./call.js";
import * as collections from "./collections.js";
import { conditionalCommit, conditionalGet } from "./conditional.js";
import { openApi } from "./open-api.js";
import { COLLECTION, DATABASE, TENANT } from "./paths.js";
import * as records from "./records.js";
import { RestError } from "./rest-error.js";
import type { Route } from "./route.js";

/** Version of Chroma's API that is spoken here. */
const API_VERSION = "1.0.0";

const [T, D, C] = [TENANT, DATABASE, COLLECTION];
const page = ["limit", "offset"];

export const routes: readonly Route[] = [
  { method: "GET", path: "/api/v2", summary: "The clock, in nanoseconds", handler: heartbeat },
  { method: "GET", path: "/api/v2/heartbeat", summary: "The clock, in nanoseconds", handler: heartbeat },
  { method: "GET", path: "/api/v2/version", summary: "Version of Chroma's API that is spoken", handler: () => API_VERSION },
  { method: "GET", path: "/api/v2/healthcheck", summary: "Whether the engine answers", handler: healthcheck },
  { method: "GET", path: "/api/v2/pre-flight-checks", summary: "Limits that clients keep to", handler: preFlightChecks },
  { method: "GET", path: "/api/v2/auth/identity", summary: "Who the caller is", handler: identity },
  { method: "GET", path: "/openapi.json", summary: "This document", handler: () => openApi(routes, API_VERSION) },
  { method: "POST", path: "/api/v2/reset", summary: "Delete everything, where the client allows it", handler: reset },

  { method: "POST", path: "/api/v2/tenants", summary: "Create a tenant", handler: collections.createTenant, body: nameBody },
  { method: "GET", path: T, summary: "Get a tenant", handler: collections.getTenant },
  { method: "PATCH", path: T, summary: "Give a tenant a resource name", handler: collections.updateTenant, body: updateTenantBody },
  { method: "GET", path: `${T}/databases`, summary: "List databases", handler: collections.listDatabases, query: page },
  { method: "POST", path: `${T}/databases`, summary: "Create a database", handler: collections.createDatabase, body: nameBody },
  { method: "GET", path: D, summary: "Get a database", handler: collections.getDatabase },
  { method: "DELETE", path: D, summary: "Delete a database and its collections", handler: collections.deleteDatabase },

  {
    method: "GET",
    path: "/api/v2/collections/{crn}",
    summary: "Get a collection by tenant:database:name",
    handler: collections.getCollectionByCrn,
  },
  { method: "GET", path: `${D}/collections`, summary: "List collections", handler: collections.listCollections, query: page },
  {
    method: "POST",
    path: `${D}/collections`,
    summary: "Create a collection",
    handler: collections.createCollection,
    body: createCollectionBody,
  },
  { method: "GET", path: `${D}/collections_count`, summary: "Count collections", handler: collections.countCollections },
  {
    method: "GET",
    path: `${D}/collections/by-id/{collection_id}`,
    summary: "Get a collection by id",
    handler: collections.getCollectionById,
  },
  { method: "GET", path: C, summary: "Get a collection by name", handler: collections.getCollection },
  { method: "PUT", path: C, summary: "Change a collection", handler: collections.updateCollection, body: updateCollectionBody },
  { method: "DELETE", path: C, summary: "Delete a collection by name", handler: collections.deleteCollection },

  { method: "POST", path: `${C}/add`, summary: "Add records", handler: records.add, status: 201, body: addBody },
  { method: "POST", path: `${C}/update`, summary: "Update records", handler: records.update, body: updateBody },
  { method: "POST", path: `${C}/upsert`, summary: "Add or update records", handler: records.upsert, body: upsertBody },
  { method: "POST", path: `${C}/get`, summary: "Read records", handler: records.get, body: getBody },
  { method: "POST", path: `${C}/query`, summary: "Nearest records", handler: records.query, body: queryBody },
  { method: "POST", path: `${C}/search`, summary: "Search by rank expressions", handler: records.search, body: searchBody },
  { method: "POST", path: `${C}/delete`, summary: "Delete records", handler: records.remove, body: deleteBody },
  {
    method: "POST",
    path: `${C}/conditional/get`,
    summary: "Read records in a transaction",
    handler: conditionalGet,
    body: conditionalGetBody,
    isHidden: true,
  },
  {
    method: "POST",
    path: `${C}/conditional/commit`,
    summary: "Commit a transaction",
    handler: conditionalCommit,
    body: conditionalCommitBody,
    isHidden: true,
  },
  { method: "GET", path: `${C}/count`, summary: "Count records", handler: records.count, query: ["read_level"] },
  { method: "GET", path: `${C}/indexing_status`, summary: "How far the indexes have come", handler: records.indexingStatus },
  { method: "POST", path: `${C}/fork`, summary: "Fork a collection", handler: collections.fork, body: forkBody },
  { method: "GET", path: `${C}/fork_count`, summary: "Count a collection's forks", handler: collections.forkCount },

  {
    method: "POST",
    path: `${C}/functions/attach`,
    summary: "Not there: Chroma's cloud only",
    handler: functionsAreNotThere,
    status: 501,
  },
  {
    method: "GET",
    path: `${C}/functions/{function_name}`,
    summary: "Not there: Chroma's cloud only",
    handler: functionsAreNotThere,
    status: 501,
  },
  {
    method: "POST",
    path: `${C}/attached_functions/{name}/detach`,
    summary: "Not there: Chroma's cloud only",
    handler: functionsAreNotThere,
    status: 501,
  },
];

async function heartbeat(call: Call): Promise<object> {
  return { "nanosecond heartbeat": await call.ask("heartbeat") };
}

async function healthcheck(call: Call): Promise<object> {
  await call.ask("heartbeat");
  return { is_executor_ready: true, is_log_client_ready: true };
}

function preFlightChecks(): object {
  return { max_batch_size: limits.batchRecordsMax, supports_base64_encoding: true };
}

function identity(call: Call): Promise<object> {
  return call.ask("identity", { tenant: "default_tenant", database: "default_database" });
}

async function reset(call: Call): Promise<boolean> {
  await call.ask("reset");
  return true;
}

/** What only Chroma's own cloud has. */
function functionsAreNotThere(): never {
  throw new RestError(
    501,
    "ChromaError",
    "Tonic error: code: 'Operation is not implemented or not supported', " +
      'message: " Attached Function operations not yet implemented in SqliteSysDb"',
  );
}
