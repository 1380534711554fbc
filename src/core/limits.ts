/** Every limit, as `limits.name`. Read them by name and do not take `limits` apart, or a bundle holds them all. */
export * as limits from "./limit-values.js";
