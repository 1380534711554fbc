/// <reference types="vite/client" />

declare module "virtual:corpus" {
  /** See `corpus.ts`. */
  export const notes: import("./corpus.js").Note[];
}
