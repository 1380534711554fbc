/** Gateway rules as an application gives them with its client's options, and their validation. */
import { invalidArgument, show } from "../errors.js";
import { validateObject } from "./validate/values.js";

/** What a token lets its bearer do. */
export interface TokenGrant {
  /** Name of the bearer, told by `getUserIdentity`. Default "". */
  user?: string;
  /** The only tenant whose databases may be used. Default: all, and the database as a whole (`info`, `reset`, tenants) too. */
  tenant?: string;
  /** The only databases of the tenant that may be used. Default: all. */
  databases?: string[];
  /** Whether writes are refused. Default `false`. */
  readOnly?: boolean;
}

/** Rules that the engine applies to every call, whether it comes from a client or over REST. */
export interface GatewayRules {
  /** Every call must show one of these tokens: clients by their option `token`, requests in `x-chroma-token` or as a bearer. */
  auth?: {
    /** Token to what it lets its bearer do. */
    tokens: Record<string, TokenGrant>;
  };
  /** How often each tenant may call; more often is `RATE_LIMITED`. Default: without limit. */
  rateLimit?: {
    /** Calls per second in the long run; above 0, and less than 1 is possible. */
    requestsPerSecond: number;
    /** Calls that may come at once after a pause, at least 1. Default: those of one second. */
    burst?: number;
  };
  /** What each tenant may hold; a write that would exceed it is `QUOTA_EXCEEDED`. Default: without limit. */
  quota?: {
    /** Collections of all its databases. */
    collections?: number;
    /** Records of all its collections. */
    records?: number;
    /** Bytes of its blocks and of its log. */
    bytes?: number;
  };
}

/** Throws unless the rules are rules, and hold nothing else: a misspelt rule would protect nothing. */
export function validateRules(rules: unknown): asserts rules is GatewayRules {
  validateFields(rules, "gateway", ["auth", "rateLimit", "quota"]);
  const { auth, rateLimit, quota } = rules as GatewayRules;
  if (auth !== undefined) validateAuth(auth);
  if (rateLimit !== undefined) {
    validateFields(rateLimit, "gateway.rateLimit", ["requestsPerSecond", "burst"]);
    validateNumber(rateLimit.requestsPerSecond, "gateway.rateLimit.requestsPerSecond", Number.MIN_VALUE);
    if (rateLimit.burst !== undefined) validateNumber(rateLimit.burst, "gateway.rateLimit.burst", 1);
  }
  if (quota === undefined) return;
  validateFields(quota, "gateway.quota", ["collections", "records", "bytes"]);
  for (const [name, value] of Object.entries(quota)) if (value !== undefined) validateNumber(value, `gateway.quota.${name}`, 0);
}

function validateAuth(auth: { tokens: Record<string, TokenGrant> }): void {
  validateFields(auth, "gateway.auth", ["tokens"]);
  validateObject(auth.tokens, "gateway.auth.tokens");
  for (const [token, grant] of Object.entries(auth.tokens)) {
    // The token itself is a secret and stays out of messages.
    if (token === "") throw invalidArgument("gateway.auth.tokens has an empty token");
    const argument = "each grant of gateway.auth.tokens";
    validateFields(grant, argument, ["user", "tenant", "databases", "readOnly"]);
    const { user = "", tenant = "", databases = [], readOnly = false } = grant;
    const texts = Array.isArray(databases) && [user, tenant, ...databases].every((text) => typeof text === "string");
    if (!texts || typeof readOnly !== "boolean") {
      throw invalidArgument(
        `${argument} must be { user?: string, tenant?: string, databases?: string[], readOnly?: boolean }, got ${show(grant)}`,
      );
    }
    if (grant.databases !== undefined && grant.tenant === undefined) throw invalidArgument(`${argument} with databases needs their tenant`);
  }
}

function validateFields(value: unknown, argument: string, allowed: readonly string[]): asserts value is object {
  validateObject(value, argument);
  const odd = Object.keys(value).find((name) => !allowed.includes(name));
  if (odd !== undefined) throw invalidArgument(`${argument} has the field ${show(odd)}; it takes ${allowed.join(", ")}`);
}

function validateNumber(value: unknown, argument: string, min: number): void {
  if (typeof value === "number" && Number.isFinite(value) && value >= min) return;
  throw invalidArgument(`${argument} must be a number ${min === Number.MIN_VALUE ? "above 0" : `of at least ${min}`}, got ${show(value)}`);
}
