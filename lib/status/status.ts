/** `status()`: the page for programs, which serve it themselves. */
import ipaddr from "ipaddr.js";
import { ensure, sleep } from "../operations/restated.ts";
import { checkOptions, type Rule } from "../common/checked-options.ts";
import {
  HttpError,
  MethodNotAllowedError,
  NotFoundError,
} from "../common/errors.ts";
import type { Handler, OpenApplication } from "../exchange/application.ts";
import type { Loop } from "../loop/loop.ts";
import { basicAuth } from "../middleware/basic-auth.ts";
import { compose, type Middleware } from "../middleware/compose.ts";
import { events } from "../reply/events.ts";
import { json, redirect } from "../reply/reply.ts";
import type { Reply } from "../reply/types.ts";
import type { GatewayRequest } from "../request/request.ts";
import { LoopDelayMeter } from "./loop-delay.ts";
import { residentBytes } from "./memory.ts";
import { mountStatus } from "./mounts.ts";
import { openFilesOf } from "./open-files.ts";
import {
  OLDEST,
  PAGE_FILES,
  pageFile,
  PICTURE_MS,
  wantsPage,
  type Picture,
} from "./page.ts";
import { VERSIONS } from "./versions.ts";
import { isForeign, isOwnHost, STATUS_USER } from "./visitors.ts";

export interface StatusOptions {
  /**
   * Whoever knows it may look, as the user `eddy` (HTTP's Basic authentication: behind TLS only).
   *
   * @default none: then only clients on this machine may look, that ask for it by an address or as `localhost`, and
   * that no proxy speaks for.
   */
  password?: string;
  /**
   * Whose orders are taken, of those who may look: to halt a request.
   *
   * @default nobody's: the page is read-only, and has no buttons.
   */
  orders?: (request: GatewayRequest) => boolean;
}

const RULES: Record<keyof StatusOptions, Rule> = {
  password: [
    (value) => typeof value === "string" && value.length >= 8,
    "a text of at least 8 characters",
  ],
  orders: [(value) => typeof value === "function", "a function"],
};

/**
 * A page that shows what a loop does, second by second: its requests by mount and how long they took, the oldest ones
 * that run as trees of tasks, its memory and delay, and what stands behind its applications. Whoever does not ask for
 * HTML gets the same as JSON.
 *
 * Its requests are counted and timed from then on (`loop.measure()`). Under the command the page shows the worker that
 * answers; the one of `--stats` shows all.
 *
 * @throws {UsageError} for an option that does not exist or has a bad value, and once the loop listens.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { status } from "eddy/status";
 *
 * const loop = new Loop();
 * loop.mount(() => "hello");
 * loop.mount("/status", status(loop));
 * await loop.serve(8000); // http://localhost:8000/status
 * ```
 */
export function status(
  loop: Loop,
  options: StatusOptions = {},
): OpenApplication {
  const { password, orders = () => false } = checkOptions(
    options,
    RULES,
    "status()",
  );
  loop.measure();
  const delay = new LoopDelayMeter();
  const guard =
    password === undefined
      ? onThisMachine
      : basicAuth({ users: { [STATUS_USER]: password }, realm: "eddy" });
  return {
    handle: compose(
      [{ prefix: "", middleware: guard }],
      "/*",
      pages(loop, orders, delay),
    ),
    *open() {
      delay.start();
      yield* ensure(() => delay.stop());
    },
  };
}

/** Without a password. A proxy on this machine would let in everybody. */
const onThisMachine: Middleware = (request, next) => {
  const { headers, remoteAddress } = request;
  const isHere =
    ipaddr.isValid(remoteAddress) &&
    ipaddr.process(remoteAddress).range() === "loopback" &&
    isOwnHost(headers.get("host") ?? "", []) &&
    !PROXY_FIELDS.some((name) => headers.has(name));
  if (!isHere)
    throw new HttpError(
      403,
      "the status is for this machine alone, asked by an address or as localhost; status(loop, { password }) is for others",
    );
  return next();
};

const PROXY_FIELDS = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];

type Orders = Required<StatusOptions>["orders"];

function pages(loop: Loop, orders: Orders, delay: LoopDelayMeter): Handler {
  const status = (): Reply =>
    json(statusOf(loop, delay), { headers: { "cache-control": "no-store" } });
  const found: Record<string, (request: GatewayRequest) => Reply> = {
    "": (request) =>
      wantsPage(request.headers.get("accept"))
        ? redirect(`${request.mountPath}/`)
        : status(),
    "/": ({ headers }) =>
      wantsPage(headers.get("accept")) ? pageFile("index.html") : status(),
    "/status": status,
    "/events": (request) =>
      events(
        function* (out) {
          const isTaken = orders(request);
          for (;;) {
            yield* out.send({ data: pictureOf(loop, delay, isTaken) });
            yield* sleep(PICTURE_MS);
          }
        },
        { behind: "drop" },
      ),
  };
  for (const file of PAGE_FILES) found[`/${file}`] = () => pageFile(file);
  return (request) => {
    const { path, method } = request;
    const id = HALT.exec(path)?.[1];
    if (id !== undefined) return halt(loop, orders, request, id);
    if (!Object.hasOwn(found, path)) throw new NotFoundError();
    if (method !== "GET" && method !== "HEAD")
      throw new MethodNotAllowedError(["GET", "HEAD"]);
    return found[path]!(request);
  };
}

const HALT = /^\/tasks\/([\w.:@+=~-]+)\/halt$/; // what ids are made of

function halt(
  loop: Loop,
  orders: Orders,
  request: GatewayRequest,
  id: string,
): Reply {
  if (request.method !== "POST") throw new MethodNotAllowedError(["POST"]);
  const from = Object.fromEntries(request.headers);
  if (isForeign(from, request.scheme) || orders(request) !== true)
    throw new HttpError(403, "no orders from there");
  const halted = loop.halt(id);
  return json({ id, halted }, { status: halted ? 200 : 404 });
}

function pictureOf(
  loop: Loop,
  delay: LoopDelayMeter,
  orders: boolean,
): Picture {
  const tasks = [{ pid: process.pid, ...loop.tasks({ oldest: OLDEST }) }];
  return { status: statusOf(loop, delay), tasks, orders };
}

/** As the command has it, for one that is its own only worker. */
function statusOf(loop: Loop, delay: LoopDelayMeter): object {
  const { accepted: requests, ...outcomes } = loop.tally;
  const ended = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const own = {
    pid: process.pid,
    uptimeMs: Math.round(process.uptime() * 1000),
    rss: residentBytes(),
    requests,
    outcomes,
    connections: loop.connections,
    sockets: loop.socketCounts,
    mounts: loop.figures().map(mountStatus),
  };
  const worker = {
    ...own,
    state: loop.ready ? "ready" : "closing",
    lastReportMs: 0,
    inFlight: requests - ended,
    loopDelayMs: delay.take(),
    openFiles: openFilesOf(process.pid),
    applications: loop.applications(),
  };
  return { ...own, versions: VERSIONS, workers: [worker] };
}
