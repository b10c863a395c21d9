/** `--stats`: the status by HTTP. */
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { call, resource, useScope, type Operation } from "effection";
import { parseTarget, type Target } from "../engine/target.ts";
import { listenFor } from "./listen.ts";
import { metricsOf } from "./metrics.ts";
import type { ProcessPool } from "./process-pool.ts";
import { haltIn, statusOf, tasksOf } from "./status.ts";

interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly body: string;
}

const json = (value: unknown, status = 200): Answer => ({
  status,
  type: "application/json",
  body: `${JSON.stringify(value, null, 2)}\n`,
});

type Page = (pool: ProcessPool, id: string) => Operation<Answer>;

const PAGES: readonly [pattern: RegExp, page: Page][] = [
  [
    /^GET \/$/,
    function* (pool) {
      return json(statusOf(pool));
    },
  ],
  [
    /^GET \/metrics$/,
    function* (pool) {
      const body = yield* call(() => metricsOf(statusOf(pool)));
      return { type: "text/plain; version=0.0.4; charset=utf-8", body };
    },
  ],
  [
    /^GET \/tasks$/,
    function* (pool) {
      return json(yield* tasksOf(pool));
    },
  ],
  [
    /^POST \/tasks\/([^/?]+)\/halt$/,
    function* (pool, id) {
      const { halted, silent } = yield* haltIn(pool, id);
      if (halted) return json({ id, halted });
      if (silent.length === 0) return json({ id, halted }, 404);
      return json({ id, halted, silent }, 504);
    },
  ],
];

/** Ends with the scope. @throws {CommandFailure} when it cannot listen there. */
export function useStatusServer(
  stats: string,
  pool: ProcessPool,
): Operation<void> {
  return resource(function* (provide) {
    if (stats === "") return yield* provide();
    const scope = yield* useScope();
    const server = createServer((request, response) => {
      void scope.run(() => answer(pool, request, response));
    });
    yield* call(() => listenFor("stats", server, statusTarget(stats)));
    try {
      yield* provide();
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

function* answer(
  pool: ProcessPool,
  { method, url = "" }: IncomingMessage,
  response: ServerResponse,
): Operation<void> {
  const asked = `${method} ${url}`;
  const [pattern, page] = PAGES.find(([pattern]) => pattern.test(asked)) ?? [];
  const {
    status = 200,
    type = "text/plain",
    body,
  }: Answer = pattern === undefined || page === undefined
    ? {
        status: 404,
        body: "there are /, /metrics, /tasks and POST /tasks/:id/halt\n",
      }
    : yield* page(pool, pattern.exec(asked)?.[1] ?? "");
  response.writeHead(status, { "content-type": type }).end(body);
}

/** On this machine, unless a host is named. */
export function statusTarget(stats: string): Target {
  const target = parseTarget(stats)!;
  return "path" in target ? target : { host: "127.0.0.1", ...target };
}
