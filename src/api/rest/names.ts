/** Names and ids as they come in URLs and bodies, refused in the words of Chroma's server. */
import { limits } from "../../core/limits.js";
import { badRequest } from "./rest-error.js";

/** Throws unless the value can name a collection or database. `field` comes before the message where there is one. */
export function checkName(name: string, field?: string): void {
  const fault = nameFault(name);
  if (fault !== null) throw badRequest(`${field === undefined ? "" : `Validation error: ${field}: `}${fault}`);
}

function nameFault(name: string): string | null {
  const [min, max] = [limits.nameLengthMin, limits.nameLengthMax];
  if (name.length < min || name.length > max || !/^[a-zA-Z0-9][a-zA-Z0-9._-]*[a-zA-Z0-9]$/.test(name)) {
    return (
      `Expected a name containing ${min}-${max} characters from [a-zA-Z0-9._-], ` +
      `starting and ending with a character in [a-zA-Z0-9]. Got: ${name}`
    );
  }
  if (name.includes("..")) return `Expected a name that does not contains two consecutive periods (..). Got ${name}`;
  if (/^((0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])(\.|$)){4}$/.test(name) && !name.endsWith(".")) {
    return `Expected a name that is not a valid ip address. Got ${name}`;
  }
  return null;
}

export function isUuid(id: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(id);
}
