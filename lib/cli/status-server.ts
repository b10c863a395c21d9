/** `--stats`: the status by HTTP, and orders. `--metrics`: the metrics alone. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { once } from "node:events";
import {
  call,
  race,
  resource,
  sleep,
  until,
  useScope,
  type Operation,
} from "effection";
import { listenAt, parseTarget, type Target } from "../engine/target.ts";
import { formatEvent } from "../reply/events.ts";
import { refusing } from "./listen.ts";
import {
  challenge,
  comparing,
  credentialsIn,
} from "../common/basic-credentials.ts";
import { isForeign, isOwnHost, STATUS_USER } from "../status/visitors.ts";
import {
  OLDEST,
  PAGE_FILES,
  pageFile,
  PICTURE_MS,
  wantsPage,
} from "../status/page.ts";
import { metricsOf, wantsOpenMetrics } from "./metrics.ts";
import type { Settings } from "./schema.ts";
import type { Sockets } from "./sockets.ts";
import { orderProfile } from "./profile/order.ts";
import {
  haltIn,
  pictureOf,
  statusOf,
  tasksOf,
  type Workers,
} from "./status.ts";

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text, or what writes it for as long as the client stays. */
  readonly body: string | ((out: ServerResponse) => Operation<void>);
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
  readonly of: (
    pool: Workers,
    headers: IncomingHttpHeaders,
    ...ids: string[]
  ) => Operation<Answer>;
}

function page(name: string, of: Page["of"]): Page {
  const [method, path] = name.split(" ") as [string, string];
  const pattern = path.replaceAll(/:\w+/g, "([^/]+)");
  return { name, method, path: new RegExp(`^${pattern}$`), of };
}

const METRICS = page("GET /metrics", function* (pool, { accept }) {
  const isOpen = wantsOpenMetrics(accept);
  const { type, body } = yield* call(() => metricsOf(statusOf(pool), isOpen));
  return { headers: { "content-type": type }, body };
});

/** A picture a second, as Server-Sent Events. */
const EVENTS = page("GET /events", function* (pool) {
  return {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
    },
    *body(out) {
      for (;;) {
        const data = yield* pictureOf(pool);
        if (!out.writableNeedDrain) out.write(formatEvent({ data }));
        yield* sleep(PICTURE_MS);
      }
    },
  };
});

/** By the setting that says where they are. */
const PAGES: Readonly<Record<"stats" | "metrics", readonly Page[]>> = {
  stats: [
    page("GET /", function* (pool, { accept }) {
      return wantsPage(accept) ? pageFile("index.html") : json(statusOf(pool));
    }),
    page("GET /status", function* (pool) {
      return json(statusOf(pool));
    }),
    ...PAGE_FILES.map((file) =>
      page(`GET /${file}`, function* () {
        return pageFile(file);
      }),
    ),
    EVENTS,
    METRICS,
    page("GET /tasks", function* (pool) {
      return json(yield* tasksOf(pool));
    }),
    page("GET /tasks/oldest", function* (pool) {
      return json(yield* tasksOf(pool, OLDEST));
    }),
    page("POST /workers/:pid/profile/:what", function* (pool, _, pid, what) {
      const result = yield* orderProfile(pool, pid!, what!);
      if ("file" in result) return json(result);
      return refusal(result.status, result.reason);
    }),
    page("POST /tasks/:id/halt", function* (pool, _, id = "") {
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

/** Ends with the scope. @throws {CommandFailure} when it cannot listen there. */
export function useStatusServer(
  key: keyof typeof PAGES,
  settings: Settings,
  sockets: Sockets,
  pool: Workers,
): Operation<void> {
  return resource(function* (provide) {
    const scope = yield* useScope();
    const target = statusTarget(settings[key]);
    const isOurs = hostsOf(target, settings.statsHosts);
    const mayAsk = key === "stats" ? visitorsOf(settings) : anybody;
    const server = createServer((request, response) => {
      void scope.run(function* () {
        const given = yield* answer(
          PAGES[key],
          pool,
          { isOurs, mayAsk },
          request,
        );
        yield* send(given, response);
      });
    });
    const name = `${key} ${settings[key]}`;
    yield* call(() =>
      refusing(key, () =>
        sockets.listen(name, server, () => listenAt(server, target)),
      ),
    );
    try {
      yield* provide();
    } finally {
      server.closeAllConnections();
      sockets.close(name);
    }
  });
}

/** Who is answered. */
interface Entry {
  /** By the host that is asked. */
  readonly isOurs: (host: string) => boolean;
  readonly mayAsk: (headers: IncomingHttpHeaders) => boolean;
}

const anybody = (): boolean => true;

function visitorsOf({ statsPassword }: Settings): Entry["mayAsk"] {
  if (statsPassword === "") return anybody;
  const isRight = comparing({ [STATUS_USER]: statsPassword });
  return ({ authorization }) => {
    const given = credentialsIn(authorization);
    return given !== undefined && isRight(...given);
  };
}

function* send(
  { status = 200, headers, body }: Answer,
  response: ServerResponse,
): Operation<void> {
  if (typeof body === "string") {
    const length = { "content-length": Buffer.byteLength(body) };
    response.writeHead(status, { ...PLAIN, ...length, ...headers }).end(body);
    return;
  }
  response.writeHead(status, { ...PLAIN, ...headers });
  if (response.req.method === "HEAD") response.end();
  else yield* race([body(response), until(once(response, "close"))]);
}

function* answer(
  pages: readonly Page[],
  pool: Workers,
  { isOurs, mayAsk }: Entry,
  { method, url = "", headers }: IncomingMessage,
): Operation<Answer> {
  if (!isOurs(headers.host ?? ""))
    return refusal(
      403,
      "ask by an address or as localhost, or list that name in statsHosts",
    );
  if (!mayAsk(headers))
    return refusal(
      401,
      "a password is needed here: statsPassword",
      challenge("eddy"),
    );
  const [path = ""] = url.split("?");
  const found = pages.find((one) => one.path.test(path));
  if (found === undefined)
    return refusal(404, `there is ${pages.map(({ name }) => name).join(", ")}`);
  if (found.method !== (method === "HEAD" ? "GET" : method))
    return refusal(405, found.name, { allow: found.method });
  if (found.method === "POST" && isForeign(headers, "http"))
    return refusal(403, "no orders from other sites");
  const [, ...ids] = found.path.exec(path)!;
  return yield* found.of(pool, headers, ...ids.map(decoded));
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

/** Tells by which hosts a listener may be asked. No web page reaches a Unix socket, whatever it is called there. */
function hostsOf(
  target: Target,
  names: readonly string[],
): (host: string) => boolean {
  if ("path" in target) return () => true;
  const own = [target.host ?? "", ...names].map((name) => name.toLowerCase());
  return (host) => isOwnHost(host, own);
}

/** On this machine, unless a host is named. */
export function statusTarget(stats: string): Target {
  const target = parseTarget(stats)!;
  return "path" in target ? target : { host: "127.0.0.1", ...target };
}
