/** The part of a loop that answers without a socket. */
import { brand } from "../common/brand.ts";
import {
  fromParts,
  fromWeb,
  type Asked,
  type InjectedRequest,
} from "../engine/memory/ask.ts";
import { Mounts } from "./mounts.ts";

export abstract class Answering extends Mounts {
  static {
    brand(this); // a `Loop` of another copy is one
  }

  /**
   * Answers a request without a socket, through the same exchange as all others: for tests, and to serve within what
   * speaks `fetch`. Opens the applications, as `listen` does; ends with `close()`. `input`: a path is of
   * `http://localhost`. A body is as the application has made it, `content-encoding` and all. Read or cancel it: an
   * exchange lasts until its reply is taken.
   *
   * @throws {UsageError} once the loop is closed.
   * @throws {TypeError} for what is no request; from the body, when the reply is cut off.
   * @throws the reason of the request's signal, when that fires before there is a head.
   *
   * @example
   * ```ts
   * import { json, Loop } from "eddy";
   *
   * const loop = new Loop().get("/users/:id", ({ params }) => json(params));
   * const reply = await loop.fetch("/users/7");
   * console.log(reply.status, await reply.json()); // 200 { id: '7' }
   * await loop.close();
   * ```
   */
  async fetch(
    input: Request | URL | string,
    init?: RequestInit,
  ): Promise<Response> {
    return await this.ask(fromWeb(input, init));
  }

  /**
   * As `fetch`, for what a `Request` cannot say: any path, any field, from any peer.
   *
   * @throws {UsageError} for a request that no client could send, and once the loop is closed.
   */
  async inject(request: InjectedRequest = {}): Promise<Response> {
    return await this.ask(fromParts(request));
  }

  /** Serves the request, once the applications are open. @throws {UsageError} once the loop is closed. */
  protected abstract ask(request: Asked): Promise<Response>;
}
