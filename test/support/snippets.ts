/** The TypeScript and JavaScript that pages and docstrings show, compiled as modules of whoever has installed eddy. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./root.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** The blocks of a page, in order, that are in TypeScript. */
export const snippetsOf = (page: string): string[] =>
  [...read(page).matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, text]) => text!);

/** The examples of docstrings, by file and number. */
export function examples(): [name: string, source: string][] {
  return ["lib", "adapters"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .flatMap((file) => {
        const text = read(join(folder, file));
        const blocks = [...text.matchAll(/^ *\* ```ts\n([^]*?)^ *\* ```$/gm)];
        return blocks.map(([, block], i): [string, string] => [
          `${folder}/${file} ${i + 1}`,
          block!.replaceAll(/^ *\* ?/gm, ""),
        ]);
      }),
  );
}

/** Below the package's folder, where "eddy" is the package by its exports, as for whoever has installed it. */
export const snippetFolder = (): string =>
  mkdtempSync(join(ROOT, "dist/snippets-"));

/** As JavaScript beside the sources. Gives what the compiler says. */
export function compile(
  folder: string,
  files: Readonly<Record<string, string>>,
): string {
  for (const [file, source] of Object.entries(files))
    writeFileSync(join(folder, file), source);
  const config = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: {
      rootDir: ".",
      outDir: ".",
      incremental: false,
      declaration: false,
      tsBuildInfoFile: null,
      paths: {}, // `eddy` is the package, as for its users
    },
    include: ["*.ts"],
    exclude: [], // without it, where the JavaScript goes
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [tsc, "-p", folder, "--pretty", "false"],
    { cwd: folder, encoding: "utf8" },
  );
  return stdout + stderr;
}
