/** Where applications are put: the part of a loop that is used before it listens. */
import { UsageError } from "../common/errors.ts";
import type {
  Limits,
  MountOptions,
  RequestLimits,
} from "../exchange/limits.ts";
import type { RouteFigures } from "../exchange/figures.ts";
import type { Middleware } from "../middleware/compose.ts";
import type { SocketPlace } from "../engine/socket.ts";
import {
  socketSettings,
  splitOptions,
  type WebSocketOptions,
} from "../websocket/options.ts";
import { Place, refuseUpgrades } from "../websocket/place.ts";
import { Upgrade } from "../websocket/upgrade.ts";
import { asSent, Router, type Method } from "./router.ts";
import type {
  Application,
  Handler,
  OpenApplication,
} from "../exchange/application.ts";

/** @throws {UsageError} for a malformed or taken pattern, and once the loop listens. */
type Routing<Self> = <Pattern extends string>(
  pattern: Pattern,
  application: Handler<ParamsOf<Pattern>> | OpenApplication,
  options?: MountOptions,
) => Self;

/** The `:parameters` of a pattern, by name; of one that is made at run time, any. */
export type ParamsOf<Pattern extends string> = string extends Pattern
  ? Readonly<Record<string, string>>
  : { readonly [Name in NamesIn<Pattern>]: string };

type NamesIn<Pattern extends string> =
  Pattern extends `${infer Segment}/${infer Rest}`
    ? NameOf<Segment> | NamesIn<Rest>
    : NameOf<Pattern>;

type NameOf<Segment extends string> = Segment extends `:${infer Name}`
  ? Name
  : never;

/** Routes of which requests for an upgrade can be. */
const UPGRADABLE: ReadonlySet<string> = new Set<Method | "ANY">(["GET", "ANY"]);

const isOptions = (given: unknown): boolean =>
  typeof given === "object" && given !== null;

export abstract class Mounts {
  protected readonly router = new Router();
  /** Where connections may be upgraded, for engines. */
  protected readonly sockets: SocketPlace[] = [];

  /**
   * Mounts an application at a prefix, by default the root. Of several prefixes the longest wins; a route with the same
   * pattern goes first. The application sees the prefix as `request.mountPath`.
   *
   * @throws {UsageError} for a malformed or taken prefix, and once the loop listens.
   */
  mount(application: Application, options?: MountOptions): this;
  mount(prefix: string, application: Application, options?: MountOptions): this;
  mount(
    ...given: [
      string | Application,
      ...(Application | MountOptions | undefined)[],
    ]
  ): this {
    const [prefix, mounted, options = {}, ...rest] = (
      typeof given[0] === "string" ? given : ["/", ...given]
    ) as [string, Application, MountOptions?];
    if (rest.length > 0 || !isOptions(options))
      throw new UsageError(
        "mount() takes a prefix, which may be missing, an application and options, in this order",
      );
    const below = prefix.replace(/\/+$/, "");
    const patterns = below === "" ? ["/*"] : [below, `${below}/*`];
    this.router.mount(prefix, ...this.#admit(mounted, options, patterns));
    return this;
  }

  /**
   * Puts middleware around all that is below a prefix, by default around everything: mounts, routes, WebSockets, and
   * the loop's own 404 and 405, whether they are there already or come later; not around the health check. What is used
   * first is outermost. Composed when the loop begins to serve: without middleware, requests pay nothing for it.
   *
   * Whether a path is below is judged by the whole path, in doubt for the prefix: `/%61dmin`, `/ADMIN` and `//admin`
   * are below `/admin`, as there are applications that take them for it.
   *
   * @throws {UsageError} for a malformed prefix, for what is no function, and once the loop listens.
   */
  use(middleware: Middleware): this;
  use(prefix: string, middleware: Middleware): this;
  use(where: string | Middleware, middleware?: Middleware): this {
    const [prefix, used] =
      typeof where === "string" ? [where, middleware] : ["/", where];
    if (used === where && middleware !== undefined)
      throw new UsageError(
        "use() takes a prefix, which may be missing, and one middleware: call it once for each",
      );
    this.checkOpen();
    if (typeof used !== "function")
      throw new UsageError(
        "middleware is a function: (request, next) => reply",
      );
    this.router.use(prefix, used);
    return this;
  }

  /** Routes GET, and HEAD unless it has a route of its own. Patterns are `/text/:parameter/*`; likewise below. */
  readonly get = this.#routing("GET");
  readonly head = this.#routing("HEAD");
  readonly post = this.#routing("POST");
  readonly put = this.#routing("PUT");
  readonly patch = this.#routing("PATCH");
  readonly delete = this.#routing("DELETE");
  readonly options = this.#routing("OPTIONS");
  /** Routes every method, except those that have a route with the same pattern. */
  readonly any = this.#routing("ANY");

  /**
   * Routes requests for a WebSocket (RFC 6455). `application` answers with `upgrade()`, or with any other reply, which
   * refuses: 401, 403. An `upgrade()` may stand for it. What asks for no upgrade is answered 426, a page of another
   * origin 403 (option `origins`).
   *
   * @throws {UsageError} for a malformed or taken pattern, an option with a bad value, and once the loop listens.
   */
  websocket<Pattern extends string>(
    pattern: Pattern,
    application: Handler<ParamsOf<Pattern>> | OpenApplication | Upgrade,
    options: RequestLimits & WebSocketOptions = {},
  ): this {
    const [forSockets, others] = splitOptions(options);
    const place = new Place(socketSettings("websocket()", forSockets));
    const any = (
      application instanceof Upgrade
        ? () => new Upgrade(application.run, application)
        : application
    ) as Application;
    const [handle, limits] = this.admit(any, others);
    const its = { ...limits, websocket: place };
    this.router.route("GET", pattern, place.guard(handle), its);
    this.sockets.push({ pattern: asSent(pattern), limits: place.settings });
    return this;
  }

  /**
   * From now on the requests of each mount and route are counted and timed, for `figures()`: two looks at the clock for
   * each request. Under the command that is so where something asks for it: `--stats`, `--metrics`.
   *
   * @throws {UsageError} once the loop listens.
   */
  measure(): this {
    this.checkOpen();
    this.router.measure();
    return this;
  }

  /**
   * Of each mount and route that has had requests: outcomes, statuses, and how long they took. Empty without
   * `measure()`.
   */
  figures(): RouteFigures[] {
    return this.router.figures();
  }

  #routing(method: Method | "ANY"): Routing<this> {
    return (pattern, application, options = {}) => {
      const any = application as Application; // of whatever parameters
      const patterns = UPGRADABLE.has(method) ? [pattern] : [];
      this.router.route(
        method,
        pattern,
        ...this.#admit(any, options, patterns),
      );
      return this;
    };
  }

  /** As `admit`, where connections may be upgraded at these patterns if the options or the application say so. */
  #admit(
    application: Application | undefined,
    { websocket, ...options }: MountOptions,
    patterns: readonly string[],
  ): [handle: Handler, limits: Limits] {
    if (options.inflateBodies && typeof application === "object")
      throw new UsageError(
        "inflateBodies is for handlers, which read by text(), json() and form(); this application gets bodies as they were sent",
      );
    const [handle, limits] = this.admit(application, options);
    const own = (application as Partial<OpenApplication>).websocket;
    if (websocket === false)
      return [own === undefined ? handle : refuseUpgrades(handle), limits];
    if ((websocket ?? own) === undefined) return [handle, limits];
    const settings = socketSettings("`websocket`", own ?? {}, websocket ?? {});
    const place = new Place(settings);
    for (const pattern of patterns)
      this.sockets.push({ pattern: asSent(pattern), limits: settings });
    return [place.watch(handle), { ...limits, websocket: place }];
  }

  /** @throws {UsageError} when it is too late to add anything. */
  protected abstract checkOpen(): void;

  /**
   * The handler of an application, and what holds for its requests.
   *
   * @throws {UsageError} when it is none, or too late.
   */
  protected abstract admit(
    application: Application | undefined,
    options: RequestLimits,
  ): [handle: Handler, limits: Limits];
}
