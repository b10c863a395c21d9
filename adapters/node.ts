/**
 * Applications that speak `node:http`: Express, Connect, Koa, Fastify, NestJS, or a function of request and response.
 */
import {
  asksForWebSocket,
  SWITCH,
  checkOptions,
  UsageError,
  type OpenApplication,
} from "../lib/adapter.ts";
import type { RequestListener } from "node:http";
import { ensure, until } from "eddy/operations";
import { Call, pathOf } from "./node/call.ts";
import { brokenParts } from "./node/contract.ts";
import { makersFor } from "./node/makers.ts";
import { kindOf, type NodeApplication } from "./node/kinds.ts";
import { Upgrades } from "./node/upgrade.ts";
import { ELSEWHERE } from "./common/web-socket.ts";

export type { NodeApplication } from "./node/kinds.ts";

export interface NodeOptions {
  /**
   * `req.url` is the whole path, with that of the mount. For an application whose routes have the prefix in them.
   *
   * @default false: as below `app.use("/prefix", …)`, where `req.baseUrl` and `req.originalUrl` have the rest
   */
  keepMount?: boolean;
}

/**
 * Makes an application of node:http mountable, unchanged: a function `(req, res)`, an Express 4 or 5, Connect or Koa
 * application, a Fastify or NestJS one, an `http.Server` with its listeners. `req` and `res` are Node's own objects;
 * what stands in for the connection is `req.socket`. The limits, the log, the drain are the loop's, on either engine.
 *
 * A Fastify or NestJS application is made ready when the loop listens, and closed, with its hooks, when it has drained.
 *
 * When the client leaves, its time is up or the loop drains, the application learns it as on Node: `aborted`, `error`
 * and `close` of `req`, `close` of `res` and of `req.socket`. What it throws, or a promise of its that rejects, is
 * answered with 500. `req.socket.destroy()` is an error reply before the head, and cuts the connection behind it.
 *
 * A server that listens to `upgrade` (`ws`, Socket.IO) has its WebSockets, on either engine.
 *
 * What cannot be had (other upgrades, trailers, interim replies, the raw connection) throws a {@link UsageError} that
 * says what to use.
 *
 * @throws {UsageError} for what is no such application, an option that does not exist or has a bad value, and on a Node
 * whose `http` is not made as this needs it.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { node } from "eddy/adapters/node";
 * import express from "express";
 *
 * const app = express();
 * app.get("/hello/:name", (req, res) => {
 *   res.json({ hello: req.params.name });
 * });
 *
 * const loop = new Loop();
 * loop.mount(node(app));
 * await loop.serve(8000);
 * ```
 */
export function node(
  app: NodeApplication,
  options: NodeOptions = {},
): OpenApplication {
  const { keepMount = false } = checkOptions(options, RULES, "node()");
  const broken = brokenParts();
  if (broken.length > 0)
    throw new UsageError(
      `node() does not know the http of Node ${process.versions.node}: ${broken.join("; ")}. ` +
        "Let the application listen by itself, and mount it with http() of eddy/adapters/http",
    );
  const { listener, server, maker, open, close } = kindOf(app);
  const makers = makersFor(maker);
  const upgrades = new Upgrades();
  const byServer: RequestListener = (req, res) =>
    server!.emit("request", req, res);
  return {
    *open() {
      if (close !== undefined) yield* ensure(() => until(close()));
      if (open !== undefined) yield* until(open());
    },
    websocket: server && ELSEWHERE,
    handle(request) {
      const hasSockets =
        server !== undefined && server.listenerCount("upgrade") > 0;
      if (hasSockets && asksForWebSocket(request))
        return upgrades.handle(request, server, pathOf(request, keepMount));
      const call = new Call(request, makers, keepMount);
      // who listens to upgrades may have taken requests over as well
      return call.handle(hasSockets ? byServer : listener());
    },
  };
}

const RULES = { keepMount: SWITCH };
