/** What `--app` and `--mount` say: `./app.ts`, `./app.js:service`, `/old=wsgi:./legacy.js:app`, `/=python:app:app`. */
import { CommandFailure, EXIT } from "./failure.ts";
import { PREFIXED } from "./prefixed.ts";
import { isPython } from "./python-name.ts";
import type { Settings } from "./schema.ts";

export interface AppSpec {
  /** Where it is mounted. */
  readonly prefix: string;
  /** As the user wrote it. */
  readonly written: string;
  readonly kind: keyof typeof KINDS;
  /** The file; of a Python application, its name as Python has it. */
  readonly file: string;
  /** The export to take; undefined: `default`, then `app`. */
  readonly name: string | undefined;
}

/**
 * Every application that the settings name.
 *
 * @throws {CommandFailure} when there is nothing to serve, or one cannot be read.
 */
export function appSpecs(settings: Settings): AppSpec[] {
  const { app, mount, static: folders, pythonPath } = settings;
  const specs = mount.map((entry) => {
    const [, prefix, written] = PREFIXED.exec(entry) ?? [];
    if (prefix === undefined || written === undefined)
      throw new CommandFailure(
        EXIT.usage,
        `mount takes a prefix and an application, such as /old=./old.js, not "${entry}"`,
      );
    return appSpec(prefix, written, pythonPath);
  });
  if (app !== "") specs.unshift(appSpec("/", app, pythonPath));
  if (specs.length === 0 && folders.length === 0)
    throw new CommandFailure(
      EXIT.usage,
      "there is no application to run; name one: eddy app.ts",
    );
  return specs;
}

/** How an application of each kind is written. The groups are what to load, and a name in it. */
const KINDS = {
  python: /^python:(.+)$/s,
  wsgi: /^wsgi:(.+?)(?::([\w$]+))?$/s,
  module: /^(.+?)(?::([\w$]+))?$/s,
} as const;

function appSpec(
  prefix: string,
  written: string,
  folders: readonly string[] = [],
): AppSpec {
  if (isPython(written, folders))
    return { prefix, written, kind: "python", file: written, name: undefined };
  const kinds = Object.keys(KINDS) as (keyof typeof KINDS)[];
  const kind = kinds.find((kind) => KINDS[kind].test(written))!;
  const [, file, name] = KINDS[kind].exec(written)!;
  return { prefix, written, kind, file: file!, name };
}
