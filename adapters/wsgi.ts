/**
 * Synchronous WSGI-style applications (PEP 3333) on the loop.
 *
 * The application runs on the event loop itself: while it computes, nobody else is served. That is right for
 * applications that only shape text; others belong into threads.
 */
import {
  isOneOfSeveral,
  type Application,
  type GatewayRequest,
  type Handler,
  type OpenApplication,
} from "../lib/adapter.ts";
import { Input } from "./wsgi/input.ts";
import { runApp } from "./wsgi/run.ts";
import { ThreadedApplication } from "./wsgi/threads/application.ts";
import type { ThreadedApp } from "./wsgi/threads/options.ts";
import type { WsgiApp } from "./wsgi/types.ts";

export { middleware } from "./wsgi/middleware.ts";
export { validator, WsgiViolation } from "./wsgi/validator.ts";
export type { ThreadedApp } from "./wsgi/threads/options.ts";
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
export function wsgi(app: WsgiApp): Handler;
/**
 * The same for an application in threads of its own, where it may block: it is loaded from its module in each thread.
 * A request gets a thread when its body is here, and a slow client's response waits in a file, so that no client keeps
 * a thread; with `streamBodies` both stream at the pace of the slower side. `eddy/wait` waits for asynchronous work.
 *
 * The threads start with `listen`, which fails with a {@link ThreadStartError} when the application cannot be loaded,
 * and end when the loop has drained. Each request has a thread for itself; when none is free it waits in line, and is
 * answered 503 when the line is full. When the client leaves, or its time is up, what the application blocks in
 * throws, its result is closed, and a thread that goes on computing is replaced.
 *
 * @throws {UsageError} for an option that does not exist or has a bad value.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { wsgi } from "eddy/adapters/wsgi";
 *
 * const module = new URL("./app.js", import.meta.url); // export function app(environ, startResponse) { … }
 * const loop = new Loop();
 * loop.mount("/reports", wsgi({ module, export: "app", threads: 4 }));
 * await loop.listen(8000);
 * ```
 */
export function wsgi(app: ThreadedApp): OpenApplication;
export function wsgi(app: WsgiApp | ThreadedApp): Application {
  if (typeof app !== "function") return new ThreadedApplication(app);
  const multiprocess = isOneOfSeveral();
  const answer = (request: GatewayRequest, body: Uint8Array) =>
    runApp(app, request, new Input(body), multiprocess);
  return (request) =>
    request.hasBody
      ? request.bytes().then((body) => answer(request, body))
      : answer(request, EMPTY);
}

const EMPTY = new Uint8Array(0);
