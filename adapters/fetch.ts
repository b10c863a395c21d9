/** Applications that speak the platform's fetch: Hono, itty-router, h3, tRPC, … */
import {
  asksForWebSocket,
  checkOptions,
  describe,
  InvalidReplyError,
  isWebResponse,
  SWITCH,
  UsageError,
  type GatewayRequest,
  type OpenApplication,
  type Reply,
  type Rule,
  type WebSocketOptions,
} from "../lib/adapter.ts";
import { useLightGlobals } from "./fetch/globals.ts";
import { LateWork } from "./fetch/late-work.ts";
import { READS_LOOKALIKES } from "./fetch/platform.ts";
import { LightRequest, plainRequest } from "./fetch/request.ts";
import { LightResponse } from "./fetch/response.ts";
import { Urls } from "./fetch/url.ts";
import { mayUpgrade, optionsOf, upgradeOf } from "./fetch/web-socket.ts";

export {
  upgradeResponse,
  type UpgradeResponseInit,
} from "./fetch/web-socket.ts";

/**
 * What an application gets beside the request and its `env`; that of Cloudflare Workers, as most frameworks know it.
 */
export class FetchContext {
  readonly #request: GatewayRequest;
  readonly #work: LateWork;

  constructor(request: GatewayRequest, work: LateWork) {
    this.#request = request;
    this.#work = work;
  }

  /** Of Workers; empty here. */
  get props(): object {
    return {};
  }

  /**
   * Goes on with `promise` behind the reply, as a task of the loop. A loop that drains waits for it when its requests
   * are done, at most for `teardownTimeoutMs`. What it fails with goes to the log.
   */
  waitUntil(promise: unknown): void {
    this.#work.add(promise, this.#request);
  }

  /** Does nothing: there is no server behind this one that could answer in place of a failed application. */
  passThroughOnException(): void {}
}

/** `env` is what the option of that name says, and `eddy`, the gateway's own request. */
export type FetchHandler = (
  request: Request,
  env: any,
  ctx: any,
) => Response | Promise<Response>;

/** A function, or an object with one, as a module for Workers, Bun and Deno exports it. */
export type FetchApp =
  | FetchHandler
  | {
      readonly fetch: FetchHandler;
      /** As the option of that name. Handlers of Bun's, which it has under this name, are left alone. */
      readonly websocket?: WebSocketOptions | object;
    };

export interface FetchOptions {
  /**
   * Puts a `Response` that takes a tenth of the time in place of the global one while a loop has the application open;
   * on Node.js 24 and later also a `Request` and a `fetch` that know eddy's requests. They are what they replace to
   * whoever uses them, `instanceof` too. It is the process that is changed, so it is asked for.
   *
   * @default false; the command, whose process is its own, asks for it
   */
  lightResponse?: boolean;
  /**
   * What the application gets as its `env` (`c.env` in Hono), beside `eddy`: an object, or a function that makes one
   * for each request.
   *
   * @default nothing
   */
  env?: object | ((request: GatewayRequest) => object);
  /**
   * The application answers requests for a WebSocket by `upgradeResponse`, or by `upgradeWebSocket` of
   * `eddy/adapters/fetch/hono`; with these options of its sockets.
   *
   * @default what the application itself has under that name; without it there are none
   */
  websocket?: WebSocketOptions;
}

const RULES: Record<string, Rule> = {
  lightResponse: SWITCH,
  env: [
    (value) =>
      (typeof value === "object" && value !== null) ||
      typeof value === "function",
    "an object, or a function that makes one",
  ],
  websocket: [
    (value) => typeof value === "object" && value !== null,
    "options of sockets, such as {}",
  ],
};

/**
 * Makes an application mountable that turns a `Request` into a `Response`.
 *
 * It sees the whole URL, with the mount: a Hono application below `/api` has `basePath("/api")`. Its `Request` reads
 * from eddy's own when it is asked; bodies come under the limits of the mount. `request.signal` fires when the exchange
 * ends early, with an `AbortError` whose `cause` is eddy's reason. Its `Response` may be of any making, and is sent
 * whole where its length is known.
 *
 * An application that throws is answered 500, with the gateway's own error in a read of a body as that says: 413, 408.
 *
 * @throws {UsageError} for what is no such application, an option that does not exist or has a bad value.
 *
 * At a request: {@link BadRequestError} for a path that leads out of the mount; {@link InvalidReplyError} when the
 * application returns something else than a `Response`.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { fetch } from "eddy/adapters/fetch";
 * import { Hono } from "hono";
 *
 * const app = new Hono().get("/hello/:name", (c) => c.text(`Hello, ${c.req.param("name")}!`));
 *
 * await new Loop().mount(fetch(app, { lightResponse: true })).serve(8000);
 * ```
 */
export function fetch(
  app: FetchApp,
  options: FetchOptions = {},
): OpenApplication {
  const call = callOf(app);
  const {
    lightResponse = false,
    env,
    websocket = optionsOf(app),
  } = checkOptions(options, RULES, "fetch()");
  const requestOf =
    lightResponse || READS_LOOKALIKES
      ? (request: GatewayRequest, url: string) =>
          new LightRequest(request, url) as unknown as Request
      : plainRequest;
  const urls = new Urls();
  const work = new LateWork();
  return {
    *open({ log }) {
      yield* work.open();
      if (lightResponse && (yield* useLightGlobals())) log.info(NOTICE);
    },
    untilIdle: () => work.untilIdle(),
    websocket,
    handle(request) {
      const asks = websocket !== undefined && asksForWebSocket(request);
      if (asks) mayUpgrade(request);
      const result = call(
        requestOf(request, urls.of(request)),
        envOf(env, request),
        new FetchContext(request, work),
      );
      if (asks) return upgraded(request, result);
      return !LightResponse.is(result) && isPromise(result)
        ? result.then(replyOf)
        : replyOf(result);
    },
  };
}

/** Once in a process, however many applications it has. */
const NOTICE =
  "Response is a light one in this process; to keep Node's own: lightResponse: false, or --no-light-response";

/** Looks for `fetch` alone, and never awaits `app`: a router that is a Proxy has any member, `then` among them. */
function callOf(app: FetchApp): FetchHandler {
  const inner: unknown = (app as { fetch?: unknown } | null | undefined)?.fetch;
  if (typeof inner === "function")
    return (request, env, ctx) =>
      (app as { fetch: FetchHandler }).fetch(request, env, ctx);
  if (typeof app === "function") return app;
  throw new UsageError(
    `fetch() takes a function or an object with a function \`fetch\`, not ${app === null ? "null" : `a ${typeof app}`}`,
  );
}

function envOf(env: FetchOptions["env"], request: GatewayRequest): object {
  if (env === undefined) return { eddy: request };
  const own = typeof env === "function" ? env(request) : env;
  return Object.assign({}, own, { eddy: request });
}

const isPromise = (result: unknown): result is PromiseLike<Response> =>
  typeof (result as { then?: unknown } | null | undefined)?.then === "function";

/** What asks for a WebSocket gets one, or what else the application says. */
async function upgraded(
  request: GatewayRequest,
  result: Response | Promise<Response>,
): Promise<Reply> {
  const response = await result;
  const reply = replyOf(response);
  return upgradeOf(request, response) ?? reply;
}

/** The way of most replies, where nothing is made but what the client gets. */
function replyOf(result: unknown): Reply {
  if (LightResponse.is(result))
    return LightResponse.textOf(result) ?? (result as unknown as Response);
  if (isWebResponse(result)) return result as unknown as Response;
  throw new InvalidReplyError(
    `the application returned ${result === undefined ? "nothing" : describe(result)}; it has to return a Response`,
  );
}
