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
import { Figures, type RouteFigures } from "../exchange/figures.ts";
import { compose, type Placed } from "../middleware/compose.ts";
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
  readonly #placed: Placed[] = [];
  /** With nothing around them. */
  readonly #bare = new Set<Handler>();
  #tables: Tables | undefined;
  /** Of mounts and patterns, where somebody wants to know. */
  #figures: Map<string, Figures> | undefined;

  /** Puts middleware around all that is below a prefix, what is refused among it. @throws {UsageError} */
  use(prefix: string, middleware: Placed["middleware"]): void {
    checkPrefix(prefix, "middleware's");
    const path = asSent(prefix.replace(/\/+$/, "")).toLowerCase();
    this.#placed.push({ prefix: path, middleware });
  }

  /** Routes GET to the loop's own answer, around which no middleware stands. */
  own(path: string, handle: Handler): void {
    this.#bare.add(handle);
    this.route("GET", path, handle, UNLIMITED);
  }

  /** @throws {UsageError} for a prefix that is malformed or taken. */
  mount(prefix: string, handle: Handler, limits: Limits): void {
    checkPrefix(prefix, "a mount's");
    const mountPath = asSent(prefix.replace(/\/+$/, ""));
    if (this.#mounts.has(mountPath))
      throw new UsageError(`something is mounted at "${prefix}" already`);
    const pattern = `${mountPath}/*`;
    const route = { ...NOWHERE, handle, limits, mountPath, pattern };
    this.#mounts.set(mountPath, route);
  }

  /** @throws {UsageError} for a pattern that is malformed or taken for this method. */
  route(method: Key, pattern: string, handle: Handler, limits: Limits): void {
    const { key, parameters } = parsePattern(pattern);
    const byMethod = this.#routes.get(key) ?? new Map<Key, Route>();
    if (byMethod.has(method))
      throw new UsageError(`${method} ${pattern} has a route already`);
    const route = { ...NOWHERE, handle, limits, parameters, pattern };
    this.#routes.set(key, byMethod.set(method, route));
  }

  /** From now on requests are counted, by mounts and patterns. Before the first call of `find`. */
  measure(): void {
    this.#figures ??= new Map();
  }

  /** Of those that have had requests. */
  figures(): RouteFigures[] {
    return [...(this.#figures?.values() ?? [])]
      .filter(({ requests }) => requests > 0)
      .map((figures) => figures.view());
  }

  /**
   * Who answers; where nobody does, a route whose handler says so. Mounts and routes made after the first call do not
   * count.
   */
  find(method: string, path: string): Route {
    const { get, all } = (this.#tables ??= this.#build());
    const own = method === "GET" ? get : all.get(method); // most requests, and to look in a map costs more
    return own?.find(path) ?? all.get(ANY)!.find(path)!;
  }

  /** A route goes before a mount with the same pattern. */
  #build(): Tables {
    const keys: readonly Key[] = [...METHODS, ANY];
    const tables = new Map<string, Table>(
      keys.map((key) => [key, new Table()]),
    );
    const add = (
      pattern: string,
      to: readonly Key[],
      route: Route,
      name = route.pattern ?? pattern,
    ): void => {
      const handle =
        this.#placed.length === 0 || this.#bare.has(route.handle)
          ? route.handle
          : compose(this.#placed, pattern, route.handle);
      const figures = this.#figuresOf(name);
      const place = route.limits.websocket;
      if (place !== undefined) figures?.places.add(place);
      for (const key of to)
        tables.get(key)!.add(pattern, { ...route, handle, figures });
    };
    const refuse: Handler = ({ path }) => this.#refuse(path);
    add("/*", [ANY], { ...NOWHERE, handle: refuse }, "(none)");
    for (const [prefix, route] of this.#mounts)
      for (const pattern of prefix === "" ? ["/*"] : [prefix, `${prefix}/*`])
        add(pattern, keys, route, prefix || "/");
    for (const [pattern, byMethod] of this.#routes) {
      const [any, get] = [byMethod.get(ANY), byMethod.get("GET")];
      if (any) add(pattern, keys, any);
      if (get) add(pattern, ["HEAD"], get); // RFC 9110, section 9.3.2: HEAD is GET without the body
      for (const [key, route] of byMethod)
        if (key !== ANY) add(pattern, [key], route);
    }
    tables.get("OPTIONS")!.add("*", SERVER);
    return { get: tables.get("GET")!, all: tables };
  }

  /** One for all that have a name in common; undefined where nobody wants to know. */
  #figuresOf(name: string): Figures | undefined {
    const all = this.#figures;
    if (all === undefined) return undefined;
    const its = all.get(name) ?? new Figures(name);
    all.set(name, its);
    return its;
  }

  /** No pattern matched this path and method. @throws {NotFoundError | MethodNotAllowedError} */
  #refuse(path: string): never {
    const allowed = METHODS.filter(
      (method) => this.#tables!.all.get(method)!.find(path) !== undefined,
    );
    if (allowed.length === 0) throw new NotFoundError();
    throw new MethodNotAllowedError(allowed);
  }
}

function checkPrefix(prefix: string, whose: string): void {
  if (!/^\/[^:*?#\s{}[\]<>|"\\]*$/.test(prefix))
    throw new UsageError(
      `${whose} prefix is a path such as "/api", not "${prefix}"`,
    );
}

/** A route of no mount, without parameters. */
const NOWHERE = {
  limits: UNLIMITED,
  mountPath: "",
  parameters: [] as readonly Parameter[],
  figures: undefined,
};

/** RFC 9110, section 9.3.7: `OPTIONS *` is about the server as a whole, of which there is nothing to say. */
const SERVER: Route = { ...NOWHERE, handle: () => null };

interface Tables {
  readonly get: Table;
  readonly all: ReadonlyMap<string, Table>;
}

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
  const wellFormed = PATTERN.test(pattern);
  const segments = segmentsOf(pattern);
  const parameters = segments.flatMap((segment, index) =>
    segment.startsWith(":") ? [{ name: segment.slice(1), index }] : [],
  );
  const names = new Set(parameters.map(({ name }) => name));
  if (
    !wellFormed ||
    names.size < parameters.length ||
    parameters.some(({ name }) => !NAME.test(name))
  )
    throw new UsageError(
      `a pattern is a path such as "/users/:id" or "/files/*", not "${pattern}"`,
    );
  const key = segments.map((it) => (it.startsWith(":") ? ":" : asSent(it)));
  return { key: `/${key.join("/")}`, parameters };
}

/** What a path is sent with, and `/*` at the end. */
const PATTERN = /^\/(?:[^*?#\s{}[\]<>|"\\]*|(?:[^*?#\s{}[\]<>|"\\]*\/)?\*)$/;

/** Of a parameter, which is a whole segment: elsewhere `:id.json`, `:id(\d+)` and `:id<int>` mean a part of one. */
const NAME = /^[\p{L}\p{N}_-]+$/u;

function segmentsOf(path: string): string[] {
  return path.split("/").slice(1);
}

/** Letters beyond ASCII as a browser sends them. */
export function asSent(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.toWellFormed().replace(/[^\0-\x7f]+/gu, encodeURIComponent);
}
