/** Hono's `upgradeWebSocket`, as its adapters for other servers have it. */
import {
  createWSMessageEvent,
  defineWebSocketHelper,
  WSContext,
  type UpgradeWebSocket,
  type WSEvents,
} from "hono/ws";
import { upgradeResponse, type UpgradeResponseInit } from "./web-socket.ts";
import {
  SocketClosedError,
  UsageError,
  type GatewayRequest,
  type Message,
  type Socket,
} from "../../lib/adapter.ts";

/**
 * A middleware of Hono that makes a WebSocket of a request that asks for one, and lets all others pass.
 *
 * The events are called as messages come, and nobody waits for what they return; an error goes to `onError`, or closes
 * the connection with 1011 and a line in the log. `ws.raw` is eddy's socket: `await ws.raw.send(message)` waits for a
 * client that is behind, `ws.raw.subscribe(topic)` gets what `loop.publish` sends.
 *
 * @throws {UsageError} where the application may have none: `fetch(app, { websocket: {} })`.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { fetch } from "eddy/adapters/fetch";
 * import { upgradeWebSocket } from "eddy/adapters/fetch/hono";
 * import { Hono } from "hono";
 *
 * const app = new Hono().get(
 *   "/echo",
 *   upgradeWebSocket(() => ({
 *     onMessage: (event, ws) => ws.send(event.data as string),
 *   })),
 * );
 *
 * await new Loop().mount(fetch(app, { websocket: {} })).serve(8000);
 * ```
 */
export const upgradeWebSocket: UpgradeWebSocket<Socket, UpgradeResponseInit> =
  defineWebSocketHelper((c, events, options) => {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") return;
    const { eddy } = (c.env ?? {}) as { eddy?: GatewayRequest };
    if (eddy === undefined)
      throw new UsageError(
        "c.env.eddy is missing: the application is served by something else than eddy",
      );
    return upgradeResponse(
      eddy,
      (socket) => serve(socket, events, c.req.url),
      options,
    );
  });

async function serve(
  socket: Socket,
  events: WSEvents<Socket>,
  url: string,
): Promise<void> {
  const ws = contextOf(socket, url);
  const onError = (error: unknown): void => {
    if (error instanceof SocketClosedError) return; // sent when the client had left
    if (events.onError !== undefined)
      return events.onError(Object.assign(new Event("error"), { error }), ws);
    socket.request.log.error({ err: error }, "a handler of a WebSocket failed");
    socket.close(1011);
  };
  const call = (handler: () => unknown): void => {
    try {
      const result = handler();
      if (result instanceof Promise) result.catch(onError);
    } catch (error) {
      onError(error);
    }
  };
  call(() => events.onOpen?.(new Event("open"), ws));
  for await (const message of socket)
    call(() => events.onMessage?.(createWSMessageEvent(dataOf(message)), ws));
  const { code, reason } = socket.closed!;
  const closed = { code, reason, wasClean: code !== 1006 };
  const event = Object.assign(new Event("close"), closed); // Node.js 20 has no CloseEvent
  call(() => events.onClose?.(event as CloseEvent, ws));
}

function contextOf(socket: Socket, url: string): WSContext<Socket> {
  return new WSContext({
    raw: socket,
    url,
    protocol: socket.protocol,
    get readyState() {
      return socket.closed === undefined ? 1 : 3;
    },
    send(data) {
      void socket.send(typeof data === "string" ? data : new Uint8Array(data));
    },
    close: (code, reason) => socket.close(code, reason),
  });
}

/** Bytes as Hono has them elsewhere. Each message is bytes of its own. */
const dataOf = (message: Message): string | ArrayBuffer =>
  typeof message === "string" ? message : (message.buffer as ArrayBuffer);
