/** One route: what answers it, and what is told of it. */
import type { Call } from "./call.js";
import type { Shape } from "./shape.js";

export interface Route {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Parts in braces match one segment each. */
  path: string;
  summary: string;
  handler: (call: Call) => unknown;
  /** Of success; 200 when absent. */
  status?: number;
  query?: readonly string[];
  body?: Shape<unknown>;
  /** Left out of `openapi.json`, as Chroma leaves it out. */
  isHidden?: boolean;
}
