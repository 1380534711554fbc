/** `openapi.json`, made from the route table. */
import type { Route } from "./route.js";

export function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes.filter(({ isHidden }) => !isHidden)) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route);
  return { openapi: "3.1.0", info: { title: "tidepool-db", description: "Chroma's REST API, answered in the browser", version }, paths };
}

function operation({ summary, path, query = [], body, status = 200 }: Route): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => ({
    name: match[1],
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = query.map((name) => ({
    name,
    in: "query",
    required: false,
    schema: { type: name === "read_level" ? "string" : "integer" },
  }));
  return {
    summary,
    parameters: [...inPath, ...inQuery],
    ...(body === undefined ? {} : { requestBody: { required: true, content: { "application/json": { schema: body.schema } } } }),
    responses: {
      [status]: { description: status < 300 ? "Done" : "Refused" },
      default: { description: "Refused", content: { "application/json": { schema: errorSchema } } },
    },
  };
}

const errorSchema = {
  type: "object",
  properties: { error: { type: "string" }, message: { type: "string" } },
  required: ["error", "message"],
};
