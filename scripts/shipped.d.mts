export function packagesOf(modules: Iterable<string>, source: string): string[];
export function licencesOf(home: string, names: readonly string[]): Promise<string>;
export function billOf(
  home: string,
  names: readonly string[],
): Promise<{
  bomFormat: string;
  metadata: { component: object };
  components: { name: string; version: string; scope: string; hashes: { alg: string; content: string }[] }[];
}>;
