/**
 * WebSockets of fetch-style applications. No `Response` can say 101, so the application returns another one, which may
 * pass through middleware that adds fields or puts a refusal in its place: what leaves the application decides.
 */
import {
  offeredProtocols,
  upgrade,
  UsageError,
  type GatewayRequest,
  type Reply,
  type Socket,
  type WebSocketOptions,
} from "../../lib/adapter.ts";

/** What a connection does, until it returns. */
export type Run = (socket: Socket) => Promise<void>;

export interface UpgradeResponseInit {
  /**
   * One of those that the client offers.
   *
   * @default the first of them, as servers of `ws` choose: browsers take a connection without one for failed.
   */
  readonly protocol?: string | undefined;
}

interface Accepted {
  readonly run: Run;
  readonly protocol: string | undefined;
}

/** Requests that ask for a WebSocket, in an application that may have one, and what it has said to them. */
const asking = new WeakMap<GatewayRequest, { accepted?: Accepted }>();

/** Marks the response: a field that is the connection's goes to no client anyway. */
const FIELD = "upgrade";

/** Fields that a 101 cannot have, and what marks it. */
const DROPPED: ReadonlySet<string> = new Set([
  FIELD,
  "connection",
  "content-length",
  "content-type",
]);

/** The request asks for a WebSocket; its application may answer with `upgradeResponse`. */
export const mayUpgrade = (request: GatewayRequest): void =>
  void asking.set(request, {});

/**
 * A `Response` that makes the connection a WebSocket, and `run` what it does: see `upgrade()`. For applications whose
 * requests ask for one; below `fetch(app, { websocket: {} })`, or where an object `{ fetch, websocket: {} }` is the
 * application. Further fields of the response are sent along, cookies for example.
 *
 * @param request - `env.eddy`.
 * @throws {UsageError} for a request that asks for none, or where there can be none.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { fetch, upgradeResponse } from "eddy/adapters/fetch";
 *
 * const app = (request: Request, env: any) =>
 *   request.headers.get("upgrade") !== "websocket"
 *     ? new Response("hello")
 *     : upgradeResponse(env.eddy, async (socket) => {
 *         for await (const message of socket) await socket.send(message);
 *       });
 *
 * await new Loop().mount(fetch(app, { websocket: {} })).serve(8000);
 * ```
 */
export function upgradeResponse(
  request: GatewayRequest,
  run: Run,
  { protocol = offeredProtocols(request)[0] }: UpgradeResponseInit = {},
): Response {
  const asked = asking.get(request);
  if (asked === undefined)
    throw new UsageError(
      "a WebSocket takes a request that asks for one, and an application that may have it: " +
        "fetch(app, { websocket: {} }), or an application { fetch, websocket: {} }",
    );
  asked.accepted = { run, protocol };
  return new Response(null, { headers: { [FIELD]: "websocket" } });
}

/** The upgrade that a response stands for; undefined for an ordinary one. */
export function upgradeOf(
  request: GatewayRequest,
  { headers, ok }: Response,
): Reply | undefined {
  const accepted = asking.get(request)?.accepted;
  if (accepted === undefined || !ok || headers.get(FIELD) === null)
    return undefined;
  const { run, protocol } = accepted;
  const further = [...headers].filter(([name]) => !DROPPED.has(name));
  return upgrade(run, { protocol, headers: further });
}

/** Of an application that says so itself; handlers of Bun's, which go by the same name, are none. */
export function optionsOf(app: object): WebSocketOptions | undefined {
  const { websocket } = app as { websocket?: { message?: unknown } | null };
  return typeof websocket === "object" &&
    websocket !== null &&
    typeof websocket.message !== "function"
    ? (websocket as WebSocketOptions)
    : undefined;
}
