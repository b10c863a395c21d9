/**
 * Synchronous WSGI-style applications (PEP 3333) on the loop.
 *
 * The application runs on the event loop itself: while it computes, nobody else is served. That is right for
 * applications that only shape text; others belong into threads.
 */
import type { Application } from "../lib/adapter.ts";
import { runApp } from "./wsgi/run.ts";
import type { WsgiApp } from "./wsgi/types.ts";

export { middleware } from "./wsgi/middleware.ts";
export { validator, WsgiViolation } from "./wsgi/validator.ts";
export type {
  Chunk,
  Environ,
  ErrorStream,
  InputStream,
  Middleware,
  StartResponse,
  Write,
  WsgiApp,
  WsgiResult,
} from "./wsgi/types.ts";

/**
 * Makes a WSGI-style application mountable.
 *
 * The request body is read before the application is called, up to `maxBodyBytes`. The response is streamed: the next
 * chunk is asked for when the client has taken the one before. `close()` of the result is called exactly once: at the
 * end, after an error, when the client goes away.
 *
 * What the application gets wrong (no `startResponse`, a malformed status or header, a string as the whole result) is a
 * {@link WsgiError}: 500 for the client, the offence by name in the log.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { wsgi } from "eddy/adapters/wsgi";
 *
 * const loop = new Loop();
 * loop.mount(
 *   "/legacy",
 *   wsgi((environ, startResponse) => {
 *     startResponse("200 OK", [["content-type", "text/plain"]]);
 *     return [`Hello from ${environ.SCRIPT_NAME}${environ.PATH_INFO}\n`];
 *   }),
 * );
 * await loop.listen(8000);
 * ```
 */
export function wsgi(app: WsgiApp): Application {
  return (request) =>
    request.hasBody
      ? request.bytes().then((body) => runApp(app, request, body))
      : runApp(app, request, EMPTY);
}

const EMPTY = new Uint8Array(0);
