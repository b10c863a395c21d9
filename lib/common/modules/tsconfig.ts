/** What the nearest tsconfig.json says of a file, as editors read it. */
import { dirname } from "node:path";
import {
  createPathsMatcher,
  getTsconfig,
  type TsConfigJson,
} from "get-tsconfig";

export interface Tsconfig {
  readonly options: TsConfigJson.CompilerOptions;
  /** Where an import may lead by `paths` and `baseUrl`, the likeliest first. */
  paths(specifier: string): string[];
}

const known = new Map<string, Tsconfig>();

/** @throws {Error} for one that cannot be read. */
export function tsconfigOf(file: string): Tsconfig {
  const folder = dirname(file);
  if (!known.has(folder)) known.set(folder, readTsconfig(folder));
  return known.get(folder)!;
}

function readTsconfig(folder: string): Tsconfig {
  try {
    const found = getTsconfig(folder);
    return {
      options: found?.config.compilerOptions ?? {},
      paths: (found && createPathsMatcher(found)) ?? (() => []),
    };
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(`the tsconfig.json of ${folder}: ${message}`, { cause });
  }
}
