import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { billOf, licencesOf, packagesOf } from "./shipped.mjs";

const home = fileURLToPath(new URL("..", import.meta.url));

test("packages are told from our own modules, and the bundler's helpers count as its code", () => {
  const modules = [
    `${home}src/index.ts`,
    `${home}node_modules/comlink/dist/esm/comlink.mjs`,
    `${home}node_modules/a/node_modules/@scope/b/index.js`,
    "C:\\x\\node_modules\\@scope\\c\\index.js",
    "\0rolldown/runtime.js",
  ];
  expect(packagesOf(modules, `${home}src`)).toEqual(["@scope/b", "@scope/c", "assemblyscript", "comlink", "rolldown"]);
});

test("a module of unknown origin ends the build", () => {
  for (const id of ["\0commonjsHelpers.js", "/elsewhere/code.js", "virtual:x"]) {
    expect(() => packagesOf([id], `${home}src`)).toThrow(/whose code/);
  }
});

test("licences and bill name the same packages, as they are installed and locked", async () => {
  const names = ["comlink", "idb", "rolldown"];
  const licences = await licencesOf(home, names);
  const bill = await billOf(home, names);
  const own = JSON.parse(await readFile(`${home}package.json`, "utf8")) as {
    version: string;
    peerDependencies: Record<string, string>;
  };
  expect(bill).toMatchObject({ bomFormat: "CycloneDX", metadata: { component: { name: "tidepool-db", version: own.version } } });
  expect(bill.components.map(({ name, scope }) => [name, scope])).toEqual([
    ...names.map((name) => [name, "required"]),
    ...Object.keys(own.peerDependencies).map((name) => [name, "optional"]),
  ]);
  for (const { name, version, scope, hashes } of bill.components) {
    expect(hashes[0]!.content).toMatch(/^[0-9a-f]{128}$/);
    if (scope === "required") expect(licences).toContain(`\n${name} ${version} (`);
  }
  expect(licences).toContain("Permission is hereby granted");
  await expect(licencesOf(home, ["nobody"])).rejects.toThrow();
});
