/** What encrypts a database anew, as a file of its own, which is loaded where a key is rotated, or a rotation has something left to do. */
import type { TidepoolError } from "../../core/errors.js";
import type { KeyRotation, KeyRotationInfo, RotateKeyRequest, RotateKeyResponse, RotationParts } from "../../core/key-rotation.js";
import type { EncryptedParts } from "./encrypted-parts.js";
import type * as Loaded from "./rotation.js";

export type LoadRotation = () => Promise<typeof Loaded>;

export class LazyRotation implements KeyRotation {
  readonly #parts: EncryptedParts;
  readonly #load: LoadRotation;
  #engine: RotationParts | null = null;
  #loading: Promise<KeyRotation> | null = null;
  #rotation: KeyRotation | null = null;
  #isStopped = false;
  /** Why it cannot be loaded. */
  #error: KeyRotationInfo["error"] = null;

  constructor(parts: EncryptedParts, load: LoadRotation) {
    this.#parts = parts;
    this.#load = load;
  }

  get info(): KeyRotationInfo | null {
    if (this.#rotation !== null) return this.#rotation.info;
    return this.#parts.keys.isUnderWay ? { done: 0, total: 0, error: this.#error } : null;
  }

  begin(engine: RotationParts): void {
    this.#engine = engine;
    if (this.#parts.keys.isUnderWay) void this.#loaded().catch(() => undefined);
  }

  async rotate(request: RotateKeyRequest, requestId: string | undefined): Promise<RotateKeyResponse> {
    return (await this.#loaded()).rotate(request, requestId);
  }

  async next(): Promise<KeyRotationInfo | null> {
    return this.#parts.keys.isUnderWay ? (await this.#loaded()).next() : null;
  }

  stop(): void {
    this.#isStopped = true;
    this.#rotation?.stop();
  }

  /** What cannot be loaded now is loaded with the next call, or the next opening. */
  async #loaded(): Promise<KeyRotation> {
    this.#loading ??= this.#begin();
    try {
      return await this.#loading;
    } catch (error) {
      this.#loading = null;
      const { code, message } = error as TidepoolError;
      this.#error = { code, message };
      throw error;
    }
  }

  async #begin(): Promise<KeyRotation> {
    const { Rotation } = await this.#load();
    const rotation = new Rotation(this.#parts);
    this.#rotation = rotation;
    if (this.#isStopped) rotation.stop();
    rotation.begin(this.#engine!);
    return rotation;
  }
}
