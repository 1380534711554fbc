/** Tenants, databases and collections over REST. */

import { describeFunction } from "../../core/schema.js";
import type { ConfigurationInput, ModifyCollectionRequest } from "../../core/service.js";
import type { CollectionConfiguration, CollectionInfo, EmbeddingFunctionConfiguration, Metadata } from "../../core/types.js";
import { createCollectionBody, forkBody, nameBody, updateCollectionBody, updateTenantBody, type ValueOnWire } from "./bodies.js";
import { type Call, orNotFound, otherwise } from "./call.js";
import { checkName, isUuid } from "./names.js";
import { badRequest } from "./rest-error.js";
import { metadataOnWire } from "./sparse-on-wire.js";

// ---- tenants and databases

export async function createTenant(call: Call): Promise<object> {
  const { name } = await call.body(nameBody);
  if (name.length < 3)
    throw badRequest(`Validation error: name: Validation error: length [{"min": Number(3), "value": String(${JSON.stringify(name)})}]`);
  await call.ask("createTenant", { name });
  return {};
}

export async function getTenant(call: Call): Promise<object> {
  const name = call.param("tenant");
  const { resourceName } = await orNotFound(call.ask("getTenant", { name }), `Tenant [${name}] not found`);
  return { name, resource_name: resourceName };
}

export async function updateTenant(call: Call): Promise<object> {
  const name = call.param("tenant");
  const { resource_name: resourceName } = await call.body(updateTenantBody);
  await orNotFound(call.ask("updateTenant", { name, resourceName }), `Tenant [${name}] not found`);
  return {};
}

/** A tenant that is not there is created with its first database, since Chroma's server does not ask for it either. */
export async function createDatabase(call: Call): Promise<object> {
  const tenant = call.param("tenant");
  const { name } = await call.body(nameBody);
  checkName(name);
  const create = (): Promise<void> => call.ask("createDatabase", { tenant, name });
  await otherwise(create(), "NOT_FOUND", async () => {
    await call.ask("createTenant", { name: tenant });
    await create();
  });
  return {};
}

export function getDatabase(call: Call): Promise<object> {
  const { tenant, database: name } = call.scope;
  return orNotFound<object>(call.ask("getDatabase", { tenant, name }), `Database [${name}] not found. Are you sure it exists?`);
}

export async function deleteDatabase(call: Call): Promise<object> {
  const { tenant, database: name } = call.scope;
  await orNotFound(call.ask("deleteDatabase", { tenant, name }), `Database [${name}] not found`);
  return {};
}

export function listDatabases(call: Call): Promise<object[]> {
  const request = { tenant: call.param("tenant"), limit: call.count("limit"), offset: call.count("offset") };
  return otherwise<object[]>(call.ask("listDatabases", request), "NOT_FOUND", () => []);
}

// ---- collections

export async function createCollection(call: Call): Promise<object> {
  const body = await call.body(createCollectionBody);
  checkName(body.name, "name");
  if (body.metadata !== undefined && Object.keys(body.metadata).length === 0)
    throw badRequest("Validation error: metadata: Metadata cannot be empty");
  if (body.configuration?.hnsw !== undefined && body.configuration.spann !== undefined) {
    throw badRequest("Multiple vector index configurations provided");
  }
  const metadata = body.metadata === undefined ? null : readMetadata(body.metadata);
  const info = await otherwise(
    call.ask("createCollection", {
      ...call.scope,
      name: body.name,
      metadata,
      configuration: readConfiguration(body.configuration, metadata),
      schema: body.schema,
      getOrCreate: body.get_or_create ?? false,
    }),
    "NOT_FOUND",
    () => {
      throw badRequest(`Database [${call.param("database")}] does not exist`);
    },
  );
  return collectionOnWire(info);
}

type ConfigurationBody = ReturnType<(typeof createCollectionBody)["read"]>["configuration"];
type FunctionBody = NonNullable<ConfigurationBody>["embedding_function"];

/** As in Chroma the metadata key `hnsw:space` chooses the space where the configuration says nothing. */
function readConfiguration(body: ConfigurationBody, metadata: Metadata | null): ConfigurationInput {
  const legacySpace = metadata?.["hnsw:space"] as CollectionConfiguration["hnsw"]["space"] | undefined;
  const space = body?.hnsw?.space ?? body?.spann?.space ?? legacySpace;
  const { space: _space, ...spann } = body?.spann ?? {};
  return {
    hnsw: { ...body?.hnsw, ...(space === undefined ? {} : { space }) },
    ...(body?.spann === undefined ? {} : { spann }),
    embedding_function: readFunction(body?.embedding_function),
  };
}

function readFunction(body: FunctionBody): EmbeddingFunctionConfiguration | null {
  if (body === undefined || body.type === "unknown") return null;
  return { type: body.type, name: body.name ?? "", config: body.config ?? {} };
}

/** Keys that hold nothing are left out; `null` when no other is there. */
function readMetadata(metadata: Record<string, ValueOnWire | null>): Metadata | null {
  const entries = Object.entries(metadata).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0));
  return entries.length === 0 ? null : (Object.fromEntries(entries) as Metadata);
}

export async function updateCollection(call: Call): Promise<object> {
  const { collectionId } = call;
  const body = await call.body(updateCollectionBody);
  if (body.new_name !== undefined) checkName(body.new_name, "new_name");
  if (body.new_metadata !== undefined && Object.keys(body.new_metadata).length === 0) {
    throw badRequest("Validation error: new_metadata: Metadata cannot be empty");
  }
  const request: ModifyCollectionRequest = { collectionId, name: body.new_name, configuration: readUpdate(body.new_configuration) };
  if (body.new_metadata !== undefined) request.metadata = readMetadata(body.new_metadata);
  await orNotFound(call.ask("modifyCollection", request), `Collection [${collectionId}] does not exist.`);
  return {};
}

function readUpdate(
  body: ReturnType<(typeof updateCollectionBody)["read"]>["new_configuration"],
): ModifyCollectionRequest["configuration"] {
  const { search_nprobe, ef_search } = body?.spann ?? {};
  return {
    hnsw: body?.hnsw ?? {},
    spann: { search_nprobe, ef_search },
    embedding_function: readFunction(body?.embedding_function) ?? undefined,
  };
}

export async function getCollection(call: Call): Promise<object> {
  const name = call.param("collection_id");
  const found = call.ask("getCollection", { ...call.scope, name });
  return collectionOnWire(await orNotFound(found, `Collection [${name}] does not exist`));
}

export async function getCollectionById(call: Call): Promise<object> {
  const id = call.param("collection_id");
  if (!isUuid(id)) throw badRequest("Validation error: collection_id: Invalid collection ID format, expected UUID");
  const found = call.ask("getCollectionById", { ...call.scope, collectionId: id.toLowerCase() });
  return collectionOnWire(await orNotFound(found, `Collection [${id}] does not exist`));
}

export async function getCollectionByCrn(call: Call): Promise<object> {
  const parts = call.param("crn").split(":") as [tenant: string, database: string, name: string];
  if (parts.length !== 3 || parts.includes("")) {
    throw badRequest(
      "Validation error: crn: CRN must be in the format <tenant_resource_name>:<database_name>:<collection_name> with non-empty parts",
    );
  }
  const [tenant, database, name] = parts;
  const found = call.ask("getCollection", { tenant, database, name });
  return collectionOnWire(await orNotFound(found, `Collection [${name}] does not exist`));
}

export async function deleteCollection(call: Call): Promise<object> {
  const name = call.param("collection_id");
  await orNotFound(call.ask("deleteCollection", { ...call.scope, name }), `Collection [${name}] does not exist`);
  return {};
}

export async function listCollections(call: Call): Promise<object[]> {
  const request = { ...call.scope, limit: call.count("limit"), offset: call.count("offset") };
  const infos = await otherwise(call.ask("listCollections", request), "NOT_FOUND", () => []);
  return infos.map(collectionOnWire);
}

export function countCollections(call: Call): Promise<number> {
  return otherwise(call.ask("countCollections", call.scope), "NOT_FOUND", () => 0);
}

export async function fork(call: Call): Promise<object> {
  const { collectionId } = call;
  const { new_name: name } = await call.body(forkBody);
  checkName(name, "new_name");
  const forked = call.ask("forkCollection", { collectionId, name });
  return collectionOnWire(await orNotFound(forked, `Collection [${collectionId}] does not exist.`));
}

export async function forkCount(call: Call): Promise<object> {
  const { collectionId } = call;
  const count = await orNotFound(call.ask("forkCount", { collectionId }), `Collection [${collectionId}] does not exist.`);
  return { count };
}

function collectionOnWire(info: CollectionInfo): object {
  const { hnsw, spann, embedding_function } = info.configuration;
  return {
    id: info.id,
    name: info.name,
    configuration_json: {
      hnsw: spann === undefined ? hnsw : null,
      spann: spann === undefined ? null : { space: hnsw.space, ...spann },
      embedding_function: embedding_function === null ? null : describeFunction(embedding_function),
    },
    schema: info.schema,
    metadata: metadataOnWire(info.metadata),
    dimension: info.dimension,
    tenant: info.tenant,
    database: info.database,
    log_position: 0,
    version: 0,
  };
}
