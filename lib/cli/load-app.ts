/** Loads an application, or says in one message why it does not load. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { PythonOptions } from "eddy/adapters/python";
import type { WsgiApp } from "eddy/adapters/wsgi";
import { Loop, type Application } from "../index.ts";
import type { AppSpec } from "./app-spec.ts";
import { blame } from "./blame.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { importModule } from "./import-module.ts";
import { INTERVALS } from "./intervals.ts";
import { SCHEMA, type Settings } from "./schema.ts";

type Module = Readonly<Record<string, unknown>>;

/**
 * @param options for a Python application.
 * @throws {CommandFailure} with exit code 3 that says what is missing, or where it fails.
 */
export async function loadApp(
  spec: AppSpec,
  options: PythonOptions,
): Promise<Application | Loop> {
  if (spec.kind === "python") return await adaptPython(spec, options);
  const path = resolve(spec.file);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw unloadable(spec, `there is no file ${path}`);
  const found = choose(spec, await load(spec, path));
  return spec.kind === "wsgi"
    ? await adaptWsgi(spec, found)
    : runnable(spec, found);
}

async function load(spec: AppSpec, path: string): Promise<Module> {
  try {
    return (await importModule(path)) as Module;
  } catch (cause) {
    throw unloadable(spec, blame(cause, path), cause);
  }
}

/** The exports of a CommonJS module are properties of its default export. */
function choose(spec: AppSpec, module: Module): unknown {
  const inner = (
    typeof module.default === "object" ? (module.default ?? {}) : {}
  ) as Module;
  const names = spec.name === undefined ? ["default", "app"] : [spec.name];
  const found = [module, inner]
    .flatMap((exports) => names.map((name) => exports[name]))
    .filter((value) => value !== undefined);
  if (found.length > 0) return found.find(canRun) ?? found[0];
  const there = [...new Set([...Object.keys(module), ...Object.keys(inner)])];
  throw unloadable(
    spec,
    `${spec.file} has no export ${names.join(" or ")}; ${there.length > 0 ? `it has ${there.join(", ")}` : NOTHING}`,
  );
}

const NOTHING =
  "it exports nothing; export a handler or a Loop, or end it with `await loop.serve()` in place of `listen()`";

function canRun(value: unknown): value is Application | Loop {
  return (
    typeof value === "function" ||
    value instanceof Loop ||
    typeof (value as { handle?: unknown } | null)?.handle === "function"
  );
}

function runnable(spec: AppSpec, value: unknown): Application | Loop {
  if (canRun(value)) return value;
  throw unloadable(
    spec,
    `what ${spec.file} exports is not an application but ${describe(value)}; ` +
      "a function, an object with a function `handle`, or a Loop is one",
  );
}

/** Imports the adapter by the name that users import, so that both get the same module. */
async function adaptWsgi(spec: AppSpec, value: unknown): Promise<Application> {
  if (typeof value !== "function")
    throw unloadable(
      spec,
      `a WSGI-style application is a function, not ${describe(value)}`,
    );
  const { wsgi } = await import("eddy/adapters/wsgi");
  return wsgi(value as WsgiApp);
}

/** Python loads the application itself, when the loop listens. */
async function adaptPython(
  spec: AppSpec,
  options: PythonOptions,
): Promise<Application> {
  const { python } = await import("eddy/adapters/python");
  try {
    return python(spec.file, options);
  } catch (cause) {
    throw unloadable(spec, (cause as Error).message, cause);
  }
}

const describe = (value: unknown): string =>
  value === null
    ? "null"
    : typeof value === "object"
      ? "an object"
      : `a ${typeof value}`;

/** The failure of an application that does not load. */
export function unloadable(
  spec: AppSpec,
  why: string,
  cause?: unknown,
): CommandFailure {
  return new CommandFailure(
    EXIT.noApp,
    `the application ${spec.written} does not load: ${why}`,
    { cause },
  );
}

/** Why it does not load, if its import does not end. */
export const notImported = ({ startTimeout }: Settings): string =>
  `its import has not ended within ${shown(startTimeout)} (startTimeout); ` +
  "look for an `await` at the top level that waits for what does not come, or give it more time";

/** Or if what it opens before it serves does not. */
export const notOpen = ({ startTimeout }: Settings): string =>
  `its open() has not ended within ${shown(startTimeout)} (startTimeout); ` +
  "look for what it waits for there that does not come, or give it more time";

const shown = (ms: number): string => SCHEMA.startTimeout.kind.show(ms);

/** Applications of Python and in threads keep the limit by themselves, and say more. */
export const openLimitMs = ({ startTimeout }: Settings): number =>
  startTimeout === 0 ? 0 : startTimeout + INTERVALS.headStartMs;
