/** The package that a file belongs to. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Package {
  readonly folder: string;
  readonly type?: string;
  readonly imports?: Record<string, string>;
  readonly exports?: Record<string, string>;
}

const known = new Map<string, Package | undefined>();

/** Undefined outside of packages. @throws {SyntaxError} for a `package.json` that is none. */
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
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return { ...(JSON.parse(text) as object), folder };
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}`);
  }
}
