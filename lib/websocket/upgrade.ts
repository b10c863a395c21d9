/** The reply that makes a connection a WebSocket. */
import type { Operation } from "effection";
import { AsyncContext } from "../common/async-context.ts";
import { UsageError } from "../common/errors.ts";
import { TOKEN } from "../common/fields.ts";
import type { ReplyHeaders } from "../reply/types.ts";
import { UpgradeReply } from "../reply/upgrade-reply.ts";
import type { Socket } from "./socket.ts";

/** What a connection does: its task. */
export type SocketHandler = (socket: Socket) => Operation<void> | Promise<void>;

export interface UpgradeInit {
  /** One of those that the client offers (`sec-websocket-protocol`); without it, none is agreed upon. */
  readonly protocol?: string | undefined;
  /** Further fields of the 101. */
  readonly headers?: ReplyHeaders | undefined;
  /**
   * Called in place of `run` where no socket comes of it: the client has left, the loop drains, there are `maxSockets`.
   * What was made ready for it ends here.
   */
  readonly unused?: (() => void) | undefined;
}

export class Upgrade extends UpgradeReply {
  readonly run: SocketHandler;
  readonly protocol: string;
  readonly headers: ReplyHeaders | undefined;
  override readonly unused: (() => void) | undefined;
  /** Where the task runs: it sees the stores of whoever has made the reply. */
  readonly context: AsyncContext;

  constructor(
    run: SocketHandler,
    { protocol = "", headers, unused }: UpgradeInit,
  ) {
    super();
    this.run = run;
    this.protocol = protocol;
    this.headers = headers;
    this.unused = unused;
    this.context = new AsyncContext();
  }
}

/**
 * A reply of `loop.websocket()`: the connection becomes a WebSocket (RFC 6455), and `run` its task. The exchange is
 * over then, with status 101; the task belongs to the loop, until both sides have closed.
 *
 * `run` is an operation or an async function. When it returns, the connection is closed with 1000; when it throws, with
 * 1011 and a line in the log. When the client leaves, what has come is still received; then `receive()` gives
 * `undefined`, and the task has `closeTimeoutMs` to finish before it is halted. When the loop drains, sockets are
 * closed with 1001, one after the other.
 *
 * @example
 * ```ts
 * import { Loop, upgrade } from "eddy";
 *
 * const loop = new Loop();
 * loop.websocket("/chat/:room", async (request) => {
 *   if (request.cookies.user === undefined) return { status: 401 };
 *   return upgrade(function* (socket) {
 *     socket.subscribe(`room:${request.params.room}`);
 *     for (let message; (message = yield* socket.receive()) !== undefined; )
 *       loop.publish(`room:${request.params.room}`, message);
 *   });
 * });
 * await loop.listen(8000);
 * ```
 *
 * @throws {UsageError} for a protocol that is no token.
 */
export function upgrade(run: SocketHandler, init: UpgradeInit = {}): Upgrade {
  if (typeof run !== "function")
    throw new UsageError("upgrade() takes a function that gets the socket");
  if (init.protocol !== undefined && !TOKEN.test(init.protocol))
    throw new UsageError(`"${init.protocol}" cannot be a protocol`);
  return new Upgrade(run, init);
}
