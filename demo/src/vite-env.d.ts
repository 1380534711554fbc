/// <reference types="vite/client" />

declare module "virtual:corpus" {
  /** See `corpus.ts`. */
  export const sources: import("./adding.js").Source[];
}
