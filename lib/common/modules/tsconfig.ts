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
  let tsconfig = known.get(folder);
  if (tsconfig === undefined)
    known.set(folder, (tsconfig = readTsconfig(folder)));
  return tsconfig;
}

function readTsconfig(folder: string): Tsconfig {
  try {
    const found = getTsconfig(folder);
    const matcher = found && createPathsMatcher(found);
    return {
      options: found?.config.compilerOptions ?? {},
      paths: matcher ?? (() => []),
    };
  } catch (cause) {
    throw new Error(
      `the tsconfig.json of ${folder} cannot be used: ${(cause as Error).message}`,
      { cause },
    );
  }
}
