/** What `eddy import` makes of files and command lines, as the command reads it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { configure } from "../../lib/cli/configure.ts";
import { importFile, type Imported } from "../../lib/cli/import/import.ts";
import type { Settings } from "../../lib/cli/schema.ts";
import { DEFAULT } from "../../lib/cli/settings.ts";
import { folderWith } from "./folder.ts";
import { PYTHON } from "./python.ts";

/** What is translated, and the settings that come of it when the command reads it. */
export type Read = Imported & { settings: Partial<Settings> };

/** Of a file of this name. */
export function imported(name: string, ...lines: string[]): Promise<Read> {
  const folder = folderWith({ [name]: lines.join("\n") });
  return read(importFile(join(folder, name), PYTHON));
}

/** Of a command line. */
export function typed(line: string): Promise<Read> {
  const [program, ...words] = line.split(" ");
  return read(importFile(program!, PYTHON, words));
}

async function read(translated: Imported): Promise<Read> {
  const config = join(folderWith({}), "out.yaml");
  writeFileSync(config, translated.config);
  const { resolved } = await configure({ config }, { env: {}, folders: [] });
  const given = Object.entries(resolved).filter(
    ([key, { source }]) => source !== DEFAULT && key !== "config",
  );
  const settings = Object.fromEntries(
    given.map(([key, { value }]) => [key, value]),
  );
  return { ...translated, settings };
}

/** Why a file cannot be read. */
export function refusal(name: string, content: string): string {
  const folder = folderWith({ [name]: content });
  try {
    importFile(join(folder, name), PYTHON);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it was read");
}
