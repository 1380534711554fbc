/** Chroma's reference to a customer-managed key. Collections that ask for one are refused: nothing is encrypted here. */
import { invalidArgument, show } from "../../core/errors.js";
import { validateObject, validateText } from "../../core/gateway/validate/values.js";
import { readArguments } from "../read-arguments.js";

/** Who keeps a customer-managed key, as Chroma's client exports it. */
export enum CmekProvider {
  /** Google Cloud. */
  GCP = "gcp",
}

/**
 * A customer-managed key, by the name of its resource. A schema that has one is refused with `NOT_SUPPORTED` when a
 * collection is to be made with it.
 *
 * @example
 * const key = Cmek.gcp("projects/p/locations/l/keyRings/r/cryptoKeys/k");
 * console.log(key.validatePattern()); // true
 */
export class Cmek {
  /** Who keeps the key. */
  readonly provider: CmekProvider;
  /** The name of the key's resource, in its provider's form. */
  readonly resource: string;

  private constructor(provider: CmekProvider, resource: string) {
    this.provider = provider;
    this.resource = resource;
  }

  /** A key of Google Cloud, `projects/…/locations/…/keyRings/…/cryptoKeys/…`. The name is not checked here. */
  static gcp(resource: string): Cmek {
    validateText(resource, "resource");
    return new Cmek(CmekProvider.GCP, resource);
  }

  /** Whether the name has the form of its provider's names. */
  validatePattern(): boolean {
    return /^projects\/.+\/locations\/.+\/keyRings\/.+\/cryptoKeys\/.+$/.test(this.resource);
  }

  /** The key in a schema's JSON: provider to resource. */
  toJSON(): Record<string, unknown> {
    return { [this.provider]: this.resource };
  }

  /**
   * A key from a schema's JSON.
   *
   * @throws `INVALID_ARGUMENT` for another provider, or none.
   */
  static fromJSON(data: Record<string, unknown>): Cmek {
    const resource = readArguments("Cmek.fromJSON", () => {
      validateObject(data, "data");
      return data["gcp"];
    });
    if (typeof resource === "string") return Cmek.gcp(resource);
    throw invalidArgument(`Unsupported or missing CMEK provider in data: ${show(data)}`);
  }
}
