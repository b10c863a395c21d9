/** Where applications are put: the part of a loop that is used before it listens. */
import type { Limits, MountOptions } from "../exchange/limits.ts";
import { Router, type Method } from "./router.ts";
import type { Application, Handler } from "../exchange/application.ts";

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
  get(pattern: string, application: Application, options?: MountOptions): this {
    return this.#route("GET", pattern, application, options);
  }

  head(
    pattern: string,
    application: Application,
    options?: MountOptions,
  ): this {
    return this.#route("HEAD", pattern, application, options);
  }

  post(
    pattern: string,
    application: Application,
    options?: MountOptions,
  ): this {
    return this.#route("POST", pattern, application, options);
  }

  put(pattern: string, application: Application, options?: MountOptions): this {
    return this.#route("PUT", pattern, application, options);
  }

  patch(
    pattern: string,
    application: Application,
    options?: MountOptions,
  ): this {
    return this.#route("PATCH", pattern, application, options);
  }

  delete(
    pattern: string,
    application: Application,
    options?: MountOptions,
  ): this {
    return this.#route("DELETE", pattern, application, options);
  }

  options(
    pattern: string,
    application: Application,
    options?: MountOptions,
  ): this {
    return this.#route("OPTIONS", pattern, application, options);
  }

  /** Routes every method, except those that have a route with the same pattern. */
  any(pattern: string, application: Application, options?: MountOptions): this {
    return this.#route("ANY", pattern, application, options);
  }

  #route(
    method: Method | "ANY",
    pattern: string,
    application: Application,
    options: MountOptions = {},
  ): this {
    this.router.route(method, pattern, ...this.admit(application, options));
    return this;
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
