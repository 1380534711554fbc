export function buildWasm(): Promise<{ path: string; bytes: number; gzipBytes: number }>;
export function ensureWasm(): Promise<string>;
