/** Where applications are put: the part of a loop that is used before it listens. */
import type { Limits, MountOptions } from "../exchange/limits.ts";
import { Router, type Method } from "./router.ts";
import type { Application, Handler } from "../exchange/application.ts";

/** @throws {UsageError} for a malformed or taken pattern, and once the loop listens. */
type Routing<Self> = (
  pattern: string,
  application: Application,
  options?: MountOptions,
) => Self;

export abstract class Mounts {
  protected readonly router = new Router();

  /**
   * Mounts an application at a prefix, by default the root. Of several prefixes the longest wins; a route with the same
   * pattern goes first. The application sees the prefix as `request.mountPath`.
   *
   * @throws {UsageError} for a malformed or taken prefix, and once the loop listens.
   */
  mount(application: Application): this;
  mount(prefix: string, application: Application, options?: MountOptions): this;
  mount(
    where: string | Application,
    application?: Application,
    options: MountOptions = {},
  ): this {
    const [prefix, mounted] =
      typeof where === "string" ? [where, application] : ["/", where];
    this.router.mount(prefix, ...this.admit(mounted, options));
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

  #routing(method: Method | "ANY"): Routing<this> {
    return (pattern, application, options = {}) => {
      this.router.route(method, pattern, ...this.admit(application, options));
      return this;
    };
  }

  /**
   * The handler of an application, and what holds for its requests.
   *
   * @throws {UsageError} when it is none, or too late.
   */
  protected abstract admit(
    application: Application | undefined,
    options: MountOptions,
  ): [handle: Handler, limits: Limits];
}
