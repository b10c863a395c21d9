/** Composition of middlewares. */
import type { Middleware, WsgiApp } from "./types.ts";

/**
 * Puts `layers` around `app`. The first listed is the outermost: it sees the request first and the response last.
 *
 * @example
 * ```ts
 * import { middleware, wsgi, type Middleware } from "eddy/adapters/wsgi";
 *
 * const shout: Middleware = (app) => (environ, startResponse) =>
 *   Array.from(app(environ, startResponse), (chunk) => String(chunk).toUpperCase());
 *
 * const app = wsgi(
 *   middleware((environ, startResponse) => {
 *     startResponse("200 OK", [["content-type", "text/plain"]]);
 *     return ["hello"];
 *   }, shout),
 * );
 * ```
 */
export function middleware(app: WsgiApp, ...layers: Middleware[]): WsgiApp {
  return layers.reduceRight((inner, layer) => layer(inner), app);
}
