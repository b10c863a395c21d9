/** `--stats`: the status by HTTP, and orders. `--metrics`: the metrics alone. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { isIP } from "node:net";
import { call, resource, useScope, type Operation } from "effection";
import { parseTarget, type Target } from "../engine/target.ts";
import { listenFor } from "./listen.ts";
import { metricsOf } from "./metrics.ts";
import type { ProcessPool } from "./process-pool.ts";
import type { Settings } from "./schema.ts";
import { haltIn, statusOf, tasksOf } from "./status.ts";

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

const json = (value: unknown, status = 200): Answer => ({
  status,
  headers: { "content-type": "application/json" },
  body: `${JSON.stringify(value, null, 2)}\n`,
});

interface Page {
  readonly name: string;
  readonly method: string;
  readonly path: RegExp;
  readonly of: (pool: ProcessPool, id: string) => Operation<Answer>;
}

function page(name: string, of: Page["of"]): Page {
  const [method, path] = name.split(" ") as [string, string];
  const pattern = path.replace(":id", "([^/]+)");
  return { name, method, path: new RegExp(`^${pattern}$`), of };
}

const METRICS = page("GET /metrics", function* (pool) {
  const body = yield* call(() => metricsOf(statusOf(pool)));
  const type = "text/plain; version=0.0.4; charset=utf-8";
  return { headers: { "content-type": type }, body };
});

/** By the setting that says where they are. */
const PAGES: Readonly<Record<"stats" | "metrics", readonly Page[]>> = {
  stats: [
    page("GET /", function* (pool) {
      return json(statusOf(pool));
    }),
    METRICS,
    page("GET /tasks", function* (pool) {
      return json(yield* tasksOf(pool));
    }),
    page("POST /tasks/:id/halt", function* (pool, id) {
      const { halted, silent } = yield* haltIn(pool, id);
      if (halted) return json({ id, halted });
      if (silent.length === 0) return json({ id, halted }, 404);
      return json({ id, halted, silent }, 504);
    }),
  ],
  metrics: [METRICS],
};

/** Unless an answer says otherwise; a browser takes it for nothing else. */
const PLAIN = {
  "content-type": "text/plain",
  "x-content-type-options": "nosniff",
};

/** Where the settings say so. Ends with the scope. @throws {CommandFailure} when it cannot listen there. */
export function* useStatusServers(
  settings: Settings,
  pool: ProcessPool,
): Operation<void> {
  for (const key of ["stats", "metrics"] as const)
    if (settings[key] !== "") yield* useStatusServer(key, settings, pool);
}

function useStatusServer(
  key: keyof typeof PAGES,
  settings: Settings,
  pool: ProcessPool,
): Operation<void> {
  return resource(function* (provide) {
    const scope = yield* useScope();
    const target = statusTarget(settings[key]);
    const isOurs = hostsOf(target, settings.statsHosts);
    const server = createServer((request, response) => {
      void scope.run(function* () {
        const { status, headers, body } = yield* answer(
          PAGES[key],
          pool,
          isOurs,
          request,
        );
        response
          .writeHead(status ?? 200, {
            ...PLAIN,
            "content-length": Buffer.byteLength(body),
            ...headers,
          })
          .end(body);
      });
    });
    yield* call(() => listenFor(key, server, target));
    try {
      yield* provide();
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

/**
 * Any page that is open in a browser on this machine can send requests here. It reads no answer, unless its own name
 * leads here as well (DNS rebinding): that shows in the host. That an order comes from it shows in two other fields.
 */
function* answer(
  pages: readonly Page[],
  pool: ProcessPool,
  isOurs: (host: string) => boolean,
  { method, url = "", headers }: IncomingMessage,
): Operation<Answer> {
  if (!isOurs(headers.host ?? ""))
    return refusal(
      403,
      "ask by an address or as localhost, or list that name in statsHosts",
    );
  const [path = ""] = url.split("?");
  const found = pages.find((one) => one.path.test(path));
  if (found === undefined)
    return refusal(404, `there is ${pages.map(({ name }) => name).join(", ")}`);
  if (found.method !== (method === "HEAD" ? "GET" : method))
    return refusal(405, found.name, { allow: found.method });
  if (found.method === "POST" && isForeign(headers))
    return refusal(403, "no orders from other sites");
  const [, id = ""] = found.path.exec(path)!;
  return yield* found.of(pool, decoded(id));
}

/** What cannot be decoded is nobody's id as it is. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

const refusal = (
  status: number,
  reason: string,
  headers: Answer["headers"] = {},
): Answer => ({ status, headers, body: `${reason}\n` });

/** Whether it comes from a web page that is not of this server. What is no browser sends neither field. */
function isForeign(headers: IncomingHttpHeaders): boolean {
  const { host, origin, "sec-fetch-site": site = "none" } = headers;
  if (origin !== undefined && origin !== `http://${host}`) return true;
  return site !== "none" && site !== "same-origin";
}

/** Tells by which hosts a listener may be asked. No web page reaches a Unix socket, whatever it is called there. */
function hostsOf(
  target: Target,
  names: readonly string[],
): (host: string) => boolean {
  if ("path" in target) return () => true;
  const ours = ["localhost", target.host, ...names].map((name) =>
    name?.toLowerCase(),
  );
  return (host) => {
    const [, ipv6, name = ""] = HOST.exec(host.toLowerCase()) ?? [];
    return isIP(ipv6 ?? name) !== 0 || ours.includes(name);
  };
}

/** RFC 9110, section 7.2. */
const HOST = /^(?:\[(.*)\]|([^:]+))(?::\d*)?$/;

/** On this machine, unless a host is named. */
export function statusTarget(stats: string): Target {
  const target = parseTarget(stats)!;
  return "path" in target ? target : { host: "127.0.0.1", ...target };
}
