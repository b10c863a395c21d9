/**
 * Mounts and routes, laid out on the engine's own router.
 *
 * The engine keeps a tree of patterns for each method and one for all methods, and asks the latter only when the former
 * has no match. A prefix is therefore registered for every method, so that within each tree the most specific pattern
 * wins: a segment of text before a `:parameter`, a parameter before `*`, the longest prefix first.
 */
import {
  MethodNotAllowedError,
  NotFoundError,
  UsageError,
} from "../common/errors.ts";
import type { Route } from "../exchange/exchange.ts";
import { UNLIMITED, type Limits } from "../exchange/limits.ts";
import type { Handler } from "../exchange/application.ts";
import type {
  HttpRequest,
  HttpResponse,
  TemplatedApp,
} from "../engine/uws/load.ts";

/** The methods that have a route function of their own. */
export const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
] as const;

export type Method = (typeof METHODS)[number];

/** Serves one request at a route; `method` is as on the wire. */
export type Serve = (
  route: Route,
  method: string,
  res: HttpResponse,
  req: HttpRequest,
) => void;

/** The engine's name for a method's tree. */
const TREES = {
  GET: "get",
  HEAD: "head",
  POST: "post",
  PUT: "put",
  PATCH: "patch",
  DELETE: "del",
  OPTIONS: "options",
} as const;

/** Every method, those without a tree of their own, too. */
const ANY = "ANY";

type Key = Method | typeof ANY;

export class Router {
  /** By prefix. */
  readonly #mounts = new Map<string, Route>();
  /** By the pattern as the engine gets it, then by method. */
  readonly #routes = new Map<string, Map<Key, Route>>();

  /** @throws {UsageError} for a prefix that is malformed or taken. */
  mount(prefix: string, handle: Handler, limits: Limits): void {
    if (!/^\/[^:*?#\s]*$/.test(prefix))
      throw new UsageError(
        `a mount's prefix is a path such as "/api", not "${prefix}"`,
      );
    const mountPath = prefix.replace(/\/+$/, "");
    if (this.#mounts.has(mountPath))
      throw new UsageError(`something is mounted at "${prefix}" already`);
    this.#mounts.set(mountPath, {
      handle,
      limits,
      mountPath,
      paramNames: [],
    });
  }

  /** @throws {UsageError} for a pattern that is malformed or taken for this method. */
  route(method: Key, pattern: string, handle: Handler, limits: Limits): void {
    const { key, paramNames } = parsePattern(pattern);
    const byMethod = this.#routes.get(key) ?? new Map<Key, Route>();
    if (byMethod.has(method))
      throw new UsageError(`${method} ${pattern} has a route already`);
    const route = { handle, limits, mountPath: "", paramNames };
    this.#routes.set(key, byMethod.set(method, route));
  }

  /** Registers everything with the engine. */
  register(app: TemplatedApp, serve: Serve): void {
    for (const [pattern, byMethod] of this.#patterns())
      for (const [key, route] of byMethod) {
        if (key === ANY)
          app.any(pattern, (res, req) =>
            serve(route, req.getCaseSensitiveMethod(), res, req),
          );
        else
          app[TREES[key]](pattern, (res, req) => serve(route, key, res, req));
      }
  }

  /** Every pattern with what answers each method there. A route goes before a mount with the same pattern. */
  #patterns(): Map<string, Map<Key, Route>> {
    const patterns = new Map<string, Map<Key, Route>>();
    const add = (pattern: string, keys: readonly Key[], route: Route): void => {
      const byMethod = patterns.get(pattern) ?? new Map<Key, Route>();
      patterns.set(pattern, byMethod);
      for (const key of keys) byMethod.set(key, route);
    };
    add("/*", [ANY], {
      handle: (request) => this.#refuse(request.path),
      limits: UNLIMITED,
      mountPath: "",
      paramNames: [],
    });
    for (const [prefix, route] of this.#mounts)
      for (const pattern of prefix === "" ? ["/*"] : [prefix, `${prefix}/*`])
        add(pattern, [...METHODS, ANY], route);
    for (const [pattern, byMethod] of this.#routes) {
      const [any, get] = [byMethod.get(ANY), byMethod.get("GET")];
      if (any) add(pattern, [...METHODS, ANY], any);
      if (get) add(pattern, ["HEAD"], get); // RFC 9110, section 9.3.2: HEAD is GET without the body
      for (const [key, route] of byMethod)
        if (key !== ANY) add(pattern, [key], route);
    }
    return patterns;
  }

  /** No pattern matched this path and method. @throws {NotFoundError | MethodNotAllowedError} */
  #refuse(path: string): never {
    const allowed = new Set<string>();
    for (const [pattern, byMethod] of this.#routes)
      if (matches(pattern, path))
        for (const method of byMethod.keys()) allowed.add(method);
    if (allowed.size === 0) throw new NotFoundError();
    if (allowed.has("GET")) allowed.add("HEAD");
    throw new MethodNotAllowedError(
      METHODS.filter((method) => allowed.has(method)),
    );
  }
}

/**
 * The pattern as the engine gets it, and the names of its parameters. There they are numbered: the engine would take
 * `/:a` and `/:b` for two patterns.
 */
function parsePattern(pattern: string): { key: string; paramNames: string[] } {
  const paramNames: string[] = [];
  const key = pattern.replace(/(?<=\/):([^/]*)/g, (_, name: string) => {
    paramNames.push(name);
    return `:${paramNames.length}`;
  });
  const distinct = new Set(paramNames).size === paramNames.length;
  if (
    !/^\/([^*?#\s]*|([^*?#\s]*\/)?\*)$/.test(pattern) ||
    !distinct ||
    paramNames.includes("")
  )
    throw new UsageError(
      `a pattern is a path such as "/users/:id" or "/files/*", not "${pattern}"`,
    );
  return { key, paramNames };
}

/** The engine's rules for one pattern, for the rare request that it found no route for. */
function matches(pattern: string, path: string): boolean {
  const wanted = segments(pattern);
  const found = segments(path);
  const wild = wanted.at(-1) === "*";
  if (wild ? found.length < wanted.length : found.length !== wanted.length)
    return false;
  return wanted.every(
    (segment, i) =>
      segment === "*" ||
      segment === found[i] ||
      (segment.startsWith(":") && found[i] !== ""),
  );
}

function segments(path: string): string[] {
  return path.split("/").slice(1);
}
