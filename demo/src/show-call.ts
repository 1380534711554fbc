/** Calls of the database as they would stand in a program. A text that begins with "…" stands for a variable of that name. */

export function showCall(method: string, input: object): string {
  const lines = Object.entries(input)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `  ${key}: ${showValue(value)},`);
  return `await collection.${method}({\n${lines.join("\n")}\n});`;
}

/** A value as it stands in a program: keys bare where they may be. */
function showValue(value: unknown): string {
  if (typeof value === "string" && value.startsWith("…")) return value.slice(1);
  if (Array.isArray(value)) return `[${value.map(showValue).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, inner]) => `${/^[$\w]+$/.test(key) ? key : JSON.stringify(key)}: ${showValue(inner)}`);
  return `{ ${entries.join(", ")} }`;
}
