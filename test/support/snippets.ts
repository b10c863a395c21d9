/** What pages and docstrings show as code; its TypeScript is compiled as modules of whoever has installed eddy. */
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./root.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

export const PAGES = [
  "README.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ...readdirSync(join(ROOT, "docs")).map((file) => `docs/${file}`),
];

/** A fenced block of a page. */
export interface Block {
  /** As the fence has it; empty where it says nothing. */
  readonly language: string;
  readonly text: string;
}

/** The blocks of a page, in order. */
export const blocksOf = (page: string): Block[] =>
  [...read(page).matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(
    ([, language, text]) => ({ language: language!, text: text! }),
  );

/** How many lines of it could be the begin or the end of a block, in whatever way Markdown has one fenced. */
export const fencesOf = (page: string): number =>
  [...read(page).matchAll(/^[> \t]*(?:```|~~~)/gm)].length;

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

/** With the folders that are named in it. */
export function writeFiles(
  folder: string,
  files: Readonly<Record<string, string>>,
): void {
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), source);
  }
}

/** As JavaScript beside the sources. Gives what the compiler says. */
export function compile(
  folder: string,
  files: Readonly<Record<string, string>>,
): string {
  writeFiles(folder, files);
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
    include: ["**/*.ts"],
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
