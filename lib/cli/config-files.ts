/** Config files: which there are, what they say, and where in them it stands. */
import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { blame } from "./blame.ts";
import { FORMATS, parseData } from "./data-formats.ts";
import { attempt, CommandFailure, EXIT } from "./failure.ts";

export interface ConfigFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** `file:line` of a key. */
  place(key: string): string;
}

/** Data, and modules. */
const EXTENSIONS = [".ts", ".js", ...Object.keys(FORMATS)] as const;

/** The config files in these folders, in their order; at most one in each. */
export function findConfigFiles(folders: readonly string[]): string[] {
  return folders.flatMap((folder) => {
    const found = namesIn(folder).filter((name) => NAME.test(name));
    for (const name of found) {
      checkExtension(join(folder, name));
      checkOwner(folder, name);
    }
    if (found.length > 1)
      throw new CommandFailure(
        EXIT.usage,
        `there are several config files in ${folder}: ${found.join(", ")}\nkeep one of them, or choose one by --config`,
      );
    return found.map((name) => join(folder, name));
  });
}

/** Leaves out the copies that editors make, and a module's declarations. */
const NAME = /^eddy\.config\.\w+$/;

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new CommandFailure(
      EXIT.usage,
      `cannot look for config files: ${(cause as Error).message}\nchoose one by --config`,
      { cause },
    );
  }
}

/** A config file in a format that is not known is an error, because it was written to be read. */
function checkExtension(path: string): string {
  const extension = extname(path);
  if ((EXTENSIONS as readonly string[]).includes(extension)) return extension;
  throw new CommandFailure(
    EXIT.usage,
    `${path}: a config file ends with ${EXTENSIONS.join(", ")}`,
  );
}

/**
 * What another user has left where everybody may write, such as in `/tmp`, nobody has meant; and it says what is run.
 */
function checkOwner(folder: string, name: string): void {
  const isForAll = (statSync(folder).mode & 0o002) !== 0;
  const { uid } = lstatSync(join(folder, name));
  if (isForAll && ![0, process.geteuid?.()].includes(uid))
    throw new CommandFailure(
      EXIT.usage,
      `${join(folder, name)} is another user's, in a folder where everybody may write; if it is meant, choose it by --config`,
    );
}

/** Imports a file of the user's. */
export type Import = (path: string) => Promise<unknown>;

export async function readConfigFile(
  file: string,
  importModule: Import,
): Promise<ConfigFile> {
  const path = resolve(file);
  const source = attempt(
    EXIT.usage,
    `cannot read the config file ${file}`,
    () => readFileSync(path, "utf8"),
  );
  const values = await parse(path, source, importModule);
  if (typeof values !== "object" || values === null || Array.isArray(values))
    throw new CommandFailure(
      EXIT.usage,
      `${file}: this is not a table of settings`,
    );
  return {
    path,
    values: values as Record<string, unknown>,
    place: (key) => `${file}:${lineOf(source, key)}`,
  };
}

async function parse(
  path: string,
  source: string,
  importModule: Import,
): Promise<unknown> {
  const extension = checkExtension(path);
  return extension in FORMATS
    ? await parseData(path, extension, source)
    : await importDefault(path, importModule);
}

async function importDefault(
  path: string,
  importModule: Import,
): Promise<unknown> {
  try {
    return ((await importModule(path)) as { default?: unknown }).default;
  } catch (error) {
    const cause = error instanceof SyntaxError ? withoutLines(error) : error;
    throw new CommandFailure(
      EXIT.usage,
      `the config file ${path} does not load: ${blame(cause, path)}`,
      { cause },
    );
  }
}

/** There may be a secret in them. */
function withoutLines({ message, stack }: SyntaxError): SyntaxError {
  const [what] = message.split("\n");
  return Object.assign(new SyntaxError(what), { stack });
}

/** The first line that has the key. The parsers do not tell lines, and this works for all formats. */
export function lineOf(source: string, key: string): number {
  const starts = source
    .split("\n")
    .findIndex((line) =>
      [...line.matchAll(KEY)].some(([, found]) => found === key),
    );
  return starts + 1 || 1;
}

/** At the start of a line, or of a table within it: `key:`, `"key":`, `key =`, `[key]`, `[key.more]`. */
const KEY = /(?:^\s*|[{,(]\s*)["'[]?([\w$-]+)["']?\s*[:=.\]]/g;
