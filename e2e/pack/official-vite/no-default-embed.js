throw new Error("@chroma-core/default-embed is not installed");

export {};
