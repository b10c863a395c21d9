/**
 * Mounts and routes: finds who answers a request.
 *
 * For each method there is a table of plain paths and a tree of segments, in which text goes before a `:parameter` and
 * that before `*`. A mount is in all of them, so that within each the most specific pattern wins. A path is walked
 * once, and nothing is made on the way: parameters are read from the path when somebody asks.
 */
import {
  MethodNotAllowedError,
  NotFoundError,
  UsageError,
} from "../common/errors.ts";
import type { Handler } from "../exchange/application.ts";
import type { Route } from "../exchange/exchange.ts";
import { UNLIMITED, type Limits } from "../exchange/limits.ts";
import type { Parameter } from "../request/request.ts";

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

/** Every method, those without a route function, too. */
const ANY = "ANY";

type Key = Method | typeof ANY;

export class Router {
  /** By prefix. */
  readonly #mounts = new Map<string, Route>();
  /** By the pattern without the names of its parameters, then by method. */
  readonly #routes = new Map<string, Map<Key, Route>>();
  #tables: ReadonlyMap<string, Table> | undefined;

  /** @throws {UsageError} for a prefix that is malformed or taken. */
  mount(prefix: string, handle: Handler, limits: Limits): void {
    if (!/^\/[^:*?#\s{}[\]]*$/.test(prefix))
      throw new UsageError(
        `a mount's prefix is a path such as "/api", not "${prefix}"`,
      );
    const mountPath = asSent(prefix.replace(/\/+$/, ""));
    if (this.#mounts.has(mountPath))
      throw new UsageError(`something is mounted at "${prefix}" already`);
    this.#mounts.set(mountPath, { handle, limits, mountPath, parameters: [] });
  }

  /** @throws {UsageError} for a pattern that is malformed or taken for this method. */
  route(method: Key, pattern: string, handle: Handler, limits: Limits): void {
    const { key, parameters } = parsePattern(pattern);
    const byMethod = this.#routes.get(key) ?? new Map<Key, Route>();
    if (byMethod.has(method))
      throw new UsageError(`${method} ${pattern} has a route already`);
    const route = { handle, limits, mountPath: "", parameters };
    this.#routes.set(key, byMethod.set(method, route));
  }

  /**
   * Who answers; where nobody does, a route whose handler says so. Mounts and routes made after the first call do not
   * count.
   */
  find(method: string, path: string): Route {
    const tables = (this.#tables ??= this.#build());
    return tables.get(method)?.find(path) ?? tables.get(ANY)!.find(path)!;
  }

  /** A route goes before a mount with the same pattern. */
  #build(): Map<string, Table> {
    const keys: readonly Key[] = [...METHODS, ANY];
    const tables = new Map(keys.map((key) => [key, new Table()]));
    const add = (pattern: string, to: readonly Key[], route: Route): void => {
      for (const key of to) tables.get(key)!.add(pattern, route);
    };
    add("/*", [ANY], {
      handle: (request) => this.#refuse(request.path),
      limits: UNLIMITED,
      mountPath: "",
      parameters: [],
    });
    for (const [prefix, route] of this.#mounts)
      for (const pattern of prefix === "" ? ["/*"] : [prefix, `${prefix}/*`])
        add(pattern, keys, route);
    for (const [pattern, byMethod] of this.#routes) {
      const [any, get] = [byMethod.get(ANY), byMethod.get("GET")];
      if (any) add(pattern, keys, any);
      if (get) add(pattern, ["HEAD"], get); // RFC 9110, section 9.3.2: HEAD is GET without the body
      for (const [key, route] of byMethod)
        if (key !== ANY) add(pattern, [key], route);
    }
    add("*", ["OPTIONS"], SERVER);
    return tables;
  }

  /** No pattern matched this path and method. @throws {NotFoundError | MethodNotAllowedError} */
  #refuse(path: string): never {
    const allowed = METHODS.filter(
      (method) => this.#tables!.get(method)!.find(path) !== undefined,
    );
    if (allowed.length === 0) throw new NotFoundError();
    throw new MethodNotAllowedError(allowed);
  }
}

/** RFC 9110, section 9.3.7: `OPTIONS *` is about the server as a whole, of which there is nothing to say. */
const SERVER: Route = {
  handle: () => null,
  limits: UNLIMITED,
  mountPath: "",
  parameters: [],
};

/** The patterns of one method. */
class Table {
  readonly #plain = new Map<string, Route>();
  readonly #root: Node = {};

  /** A pattern that is there already is replaced. */
  add(pattern: string, route: Route): void {
    if (!/\/[:*]/.test(pattern)) {
      this.#plain.set(pattern, route);
      return;
    }
    let node = this.#root;
    for (const segment of segmentsOf(pattern)) {
      if (segment === "*") node.rest = route;
      else if (segment.startsWith(":")) node = node.parameter ??= {};
      else node = child((node.text ??= new Map()), segment);
    }
    if (!pattern.endsWith("/*")) node.end = route;
  }

  find(path: string): Route | undefined {
    return this.#plain.get(path) ?? below(this.#root, path, 1);
  }
}

/** Where a pattern may end or go on, behind a slash. */
interface Node {
  text?: Map<string, Node>;
  parameter?: Node;
  rest?: Route;
  end?: Route;
}

function child(children: Map<string, Node>, segment: string): Node {
  const found = children.get(segment) ?? {};
  children.set(segment, found);
  return found;
}

/** The best match for what stands in `path` from `start` on. */
function below(node: Node, path: string, start: number): Route | undefined {
  const { text, parameter, rest } = node;
  if (text === undefined && parameter === undefined) return rest;
  const slash = path.indexOf("/", start);
  const end = slash === -1 ? path.length : slash;
  const next = text?.get(path.slice(start, end));
  return (
    (next && behind(next, path, slash)) ??
    (parameter && end > start ? behind(parameter, path, slash) : undefined) ??
    rest
  );
}

/** `slash`: the end of the segment that led to `node`; -1 for the last one. */
function behind(node: Node, path: string, slash: number): Route | undefined {
  return slash === -1 ? node.end : below(node, path, slash + 1);
}

/**
 * The pattern without the names of its parameters, in which `/:a` and `/:b` are the same, and those parameters.
 *
 * @throws {UsageError} for what cannot be a pattern, the syntax of other routers among it.
 */
function parsePattern(pattern: string): {
  key: string;
  parameters: Parameter[];
} {
  const wellFormed = /^\/([^*?#\s{}[\]]*|([^*?#\s{}[\]]*\/)?\*)$/.test(pattern);
  const segments = segmentsOf(pattern);
  const parameters = segments.flatMap((segment, index) =>
    segment.startsWith(":") ? [{ name: segment.slice(1), index }] : [],
  );
  const names = new Set(parameters.map(({ name }) => name));
  if (
    !wellFormed ||
    names.size < parameters.length ||
    parameters.some(({ name }) => !/^[^:()+\\]+$/.test(name))
  )
    throw new UsageError(
      `a pattern is a path such as "/users/:id" or "/files/*", not "${pattern}"`,
    );
  const key = segments.map((it) => (it.startsWith(":") ? ":" : asSent(it)));
  return { key: `/${key.join("/")}`, parameters };
}

function segmentsOf(path: string): string[] {
  return path.split("/").slice(1);
}

/** Letters beyond ASCII as a browser sends them. */
function asSent(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.toWellFormed().replace(/[^\0-\x7f]+/gu, encodeURIComponent);
}
