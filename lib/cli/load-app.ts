/** Loads an application, or says in one message why it does not load. */
import { statSync, type Stats } from "node:fs";
import { Server } from "node:http";
import { resolve } from "node:path";
import type { FetchApp, FetchOptions } from "eddy/adapters/fetch";
import type { NodeApplication } from "eddy/adapters/node";
import type { PythonOptions } from "eddy/adapters/python";
import type { WsgiApp } from "eddy/adapters/wsgi";
import { Loop, type Application } from "../index.ts";
import { importModule } from "../common/modules/import-module.ts";
import type { AppSpec } from "./app-spec.ts";
import { blame } from "./blame.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { INTERVALS } from "./intervals.ts";
import { isModuleName } from "./python-name.ts";
import { SCHEMA, type Settings } from "./schema.ts";
import { takeListen, type TakenServer } from "./taken-listen.ts";

type Module = Readonly<Record<string, unknown>>;

/** What the settings say to applications of each kind. */
interface AppOptions {
  readonly python?: PythonOptions;
  readonly fetch?: FetchOptions;
}

/**
 * @param options for the adapter that it needs.
 * @param taken a loop that the program has listen while it is imported, which may wait for that: this is the
 * application.
 * @throws {CommandFailure} with exit code 3 that says what is missing, or where it fails.
 */
export async function loadApp(
  spec: AppSpec,
  options: AppOptions,
  taken: Promise<Loop> = new Promise(() => {}),
): Promise<Application | Loop> {
  if (spec.kind === "python") return await adaptPython(spec, options.python);
  const imported = load(spec, fileOf(spec));
  const loop = await Promise.race([taken, imported.then(() => undefined)]);
  if (loop !== undefined) {
    throwLater(imported);
    return loop;
  }
  const found = choose(spec, await imported);
  return spec.kind === "wsgi"
    ? await adaptWsgi(spec, found)
    : await runnable(spec, found, options);
}

/**
 * Has a program run that listens by itself, and gives the server that it has listen. It may do so at any time.
 *
 * @throws {CommandFailure} with exit code 3 that says what is missing, or where it fails.
 */
export async function loadProgram(
  spec: AppSpec,
): Promise<{ app: Application; taken: TakenServer }> {
  const taken = takeListen();
  const imported = load(spec, fileOf(spec));
  const server = await Promise.race([taken, imported.then(() => taken)]);
  await Promise.race([imported, new Promise(setImmediate)]); // what comes behind its listen() may fail, too
  throwLater(imported);
  return { app: await adaptNode(server.server), taken: server };
}

/** What a program throws once it serves is as what it throws anywhere else. */
function throwLater(imported: Promise<unknown>): void {
  imported.catch((error: unknown) => {
    setImmediate(() => {
      throw error;
    });
  });
}

function fileOf(spec: AppSpec): string {
  const path = resolve(spec.file);
  const there = statsOf(spec, path);
  if (there?.isFile()) return path;
  if (there?.isDirectory())
    throw unloadable(spec, `${path} is a folder; name the file in it`);
  const python = isModuleName(spec.file)
    ? `, nor a module of Python, ${spec.file}.py`
    : "";
  throw unloadable(spec, `there is no file ${path}${python}`);
}

function statsOf(spec: AppSpec, path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw unloadable(spec, (cause as Error).message, cause);
  }
}

async function load(spec: AppSpec, path: string): Promise<Module> {
  try {
    return await importModule(path);
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
  if (found.length > 0)
    return found.find((one) => isOfNode(one) || canRun(one)) ?? found[0];
  const there = [...new Set([...Object.keys(module), ...Object.keys(inner)])];
  throw unloadable(
    spec,
    `${spec.file} has no export ${names.join(" or ")}; ${there.length > 0 ? `it has ${there.join(", ")}` : NOTHING}`,
  );
}

const NOTHING =
  "it exports nothing; export a handler or a Loop, or end it with `await loop.serve(8000)`; one that listens by itself, as with Express, is run with --take-listen";

/**
 * An application of Express, Connect, Koa, Fastify or NestJS, or a server of node:http. Never awaited: some have a
 * `then`.
 */
function isOfNode(value: unknown): value is NodeApplication {
  const has = (...methods: string[]): boolean =>
    methods.every(
      (one) => typeof (value as Module | undefined)?.[one] === "function",
    );
  if (Object.hasOwn(Object(value) as object, "fetch")) return false; // of which some have a member of every name
  return (
    (typeof value === "function" && has("handle", "use")) ||
    has("callback", "use") ||
    has("routing", "ready") ||
    has("getHttpAdapter", "init") ||
    value instanceof Server
  );
}

async function adaptNode(app: NodeApplication): Promise<Application> {
  const { node } = await import("eddy/adapters/node");
  return node(app);
}

function canRun(value: unknown): value is Application | Loop {
  return (
    typeof value === "function" ||
    value instanceof Loop ||
    isFetchApp(value) ||
    typeof (value as { handle?: unknown } | null)?.handle === "function"
  );
}

/** Hono, h3, itty-router, and modules for Workers, Bun and Deno. Never awaited: a Proxy may have a `then`. */
function isFetchApp(value: unknown): value is FetchApp & object {
  const { fetch } = Object(value) as { fetch?: unknown };
  return typeof fetch === "function" && !(value instanceof Loop);
}

async function runnable(
  spec: AppSpec,
  value: unknown,
  options: AppOptions,
): Promise<Application | Loop> {
  if (isFetchApp(value)) {
    const { fetch } = await import("eddy/adapters/fetch");
    return fetch(value, options.fetch);
  }
  if (isOfNode(value)) return await adaptNode(value);
  if (typeof value === "function" && value.length > 1)
    throw unloadable(
      spec,
      `what ${spec.file} exports is a function of ${value.length} parameters, and a handler has one: ` +
        `a (req, res) of node:http is mounted with node() of eddy/adapters/node, a WSGI-style application named wsgi:${spec.file}`,
    );
  if (canRun(value)) return value;
  throw unloadable(
    spec,
    `what ${spec.file} exports is not an application but ${describe(value)}; ` +
      "a function, an object with a function `handle` or `fetch`, or a Loop is one",
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
  options: PythonOptions | undefined,
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

/** Or if a program that is to listen by itself does not. */
export const notListening = ({ startTimeout }: Settings): string =>
  `it has had no server of node:http listen within ${shown(startTimeout)} (startTimeout); ` +
  "takeListen is for programs that call listen() themselves";

/** Or if what it opens before it serves does not. */
export const notOpen = ({ startTimeout }: Settings): string =>
  `its open() has not ended within ${shown(startTimeout)} (startTimeout); ` +
  "look for what it waits for there that does not come, or give it more time";

const shown = (ms: number): string => SCHEMA.startTimeout.kind.show(ms);

/** Applications of Python and in threads keep the limit by themselves, and say more. */
export const openLimitMs = ({ startTimeout }: Settings): number =>
  startTimeout + INTERVALS.headStartMs;
