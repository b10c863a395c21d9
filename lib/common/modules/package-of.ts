/** The package that a file belongs to. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Package {
  readonly folder: string;
  readonly type?: string;
  readonly imports?: Record<string, string>;
  readonly exports?: Record<string, string>;
}

const known = new Map<string, Package | undefined>();

/** Undefined outside of packages. @throws {Error} for a `package.json` that is none. */
export function packageOf(file: string): Package | undefined {
  const folder = dirname(file);
  if (!known.has(folder))
    known.set(
      folder,
      packageIn(folder) ?? (folder === file ? undefined : packageOf(folder)),
    );
  return known.get(folder);
}

function packageIn(folder: string): Package | undefined {
  const path = join(folder, "package.json");
  if (!existsSync(path)) return undefined;
  try {
    const json = JSON.parse(readFileSync(path, "utf8")) as object;
    return { ...json, folder };
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}
