/** A WebSocket handed on: the handshake with the server behind, and messages both ways at the slower side's pace. */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket as NetSocket } from "node:net";
import type { Duplex } from "node:stream";
import { until } from "eddy/operations";
import { WebSocket } from "ws";
import {
  offeredProtocols,
  upgrade,
  type GatewayRequest,
  type Message,
  type Socket,
} from "../../lib/adapter.ts";
import {
  endToEnd,
  pairsOf,
  type OutgoingRequest,
  type UpstreamAddress,
} from "../../lib/upstream.ts";

/**
 * Options of sockets that another server has in its hands: it sees the field Origin, and has its own opinion; its
 * application knows its messages, of which 16 MiB is the limit of Uvicorn.
 */
export const ELSEWHERE = {
  origins: "any",
  maxMessageBytes: 16 * 2 ** 20,
} as const;

/** What the server is asked, and how. */
export interface Handshake {
  readonly path: string;
  /** Name, value, name, value, …; those of the client's own handshake are left out. */
  readonly fields: readonly string[];
  readonly connect: (address: UpstreamAddress) => Duplex;
  /** Bytes of a message from the server. */
  readonly maxMessageBytes: number;
  /** Milliseconds of silence after which the server is pinged, and as many more after which it is gone. */
  readonly silenceMs?: number;
}

/** Bytes that may wait for one side before nothing more is read from the other. */
const HIGH_WATER_MARK = 64 * 1024;

/**
 * The request for an upgrade, for the server behind. Subprotocols are its choice. Extensions are not handed on: they
 * hold between two ends of one connection (RFC 6455, section 9), and here are two.
 */
export function upgrading(
  request: GatewayRequest,
  { path, fields, connect, maxMessageBytes, silenceMs }: Handshake,
): OutgoingRequest {
  const protocols = [...new Set(offeredProtocols(request))];
  const headers = headersOf(fields);
  let ws!: WebSocket;
  return {
    body: undefined,
    begin(address) {
      let out!: ClientRequest;
      ws = new WebSocket("ws://server", protocols, {
        headers,
        createConnection: () => connect(address) as NetSocket, // any stream will do
        perMessageDeflate: false,
        maxPayload: maxMessageBytes,
        finishRequest: (made) => (out = made), // it is sent once there is a connection
      });
      ws.on("error", () => {}).on("unexpected-response", () => {}); // its request tells
      out.path = path; // as it came: the address of a WebSocket would be normalized
      out.prependListener("upgrade", ({ headers: its }) => {
        // A server may choose none of them, which only a browser takes for a failure.
        its["sec-websocket-protocol"] ??= protocols[0];
      });
      return out;
    },
    switched(_, reply) {
      if (ws.readyState !== WebSocket.OPEN)
        throw new Error("its 101 is not that of a WebSocket");
      ws.pause();
      return upgrade((socket) => relay(socket, ws, silenceMs), {
        protocol: fieldOf(reply, "sec-websocket-protocol"),
        headers: ownFields(reply),
        unused: () => ws.terminate(),
      });
    },
  };
}

function* relay(socket: Socket, ws: WebSocket, silenceMs: number | undefined) {
  const closed = new Promise<void>((resolve) =>
    ws.once("close", () => resolve()),
  );
  const watch =
    silenceMs === undefined ? undefined : watchSilence(ws, silenceMs);
  try {
    toClient(ws, socket);
    for (let message; (message = yield* socket.receive()) !== undefined;) {
      const sent = toUpstream(ws, message);
      if (sent !== undefined) yield* until(sent);
    }
    const { code, reason } = socket.closed!;
    ws.resume(); // its close frame is to be seen
    if (code === 1006) ws.terminate();
    else ws.close(code === 1005 ? undefined : code, reason);
    if (ws.readyState !== WebSocket.CLOSED) yield* until(closed);
  } finally {
    clearInterval(watch);
    ws.terminate();
  }
}

/** Something to wait for, where the upstream is behind. */
function toUpstream(
  ws: WebSocket,
  message: Message,
): Promise<void> | undefined {
  const options = { binary: typeof message !== "string" };
  if (ws.bufferedAmount + message.length < HIGH_WATER_MARK) {
    ws.send(message, options);
    return undefined;
  }
  return new Promise((resolve) => ws.send(message, options, () => resolve())); // also when it is gone
}

function toClient(ws: WebSocket, socket: Socket): void {
  let isTooLong = false;
  ws.on("message", (data: Buffer, isBinary) => {
    if (socket.closed !== undefined) return;
    const sent = socket.send(isBinary ? data : data.toString());
    if (socket.bufferedBytes <= HIGH_WATER_MARK) return;
    ws.pause();
    const goOn = (): void => ws.resume();
    sent.then(goOn, goOn);
  })
    .on("error", (error: NodeJS.ErrnoException) => {
      isTooLong = error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
      socket.request.log.warn({ err: error }, "the WebSocket's server failed");
    })
    .on("close", (code, reason) => {
      if (isTooLong) socket.close(1009);
      else if (code === 1006) socket.close(1011, "the server is gone");
      else socket.close(code === 1005 ? 1000 : code, reason.toString());
    })
    .resume();
}

/** A server whose machine is gone says nothing, and no system tells. */
function watchSilence(ws: WebSocket, silenceMs: number): NodeJS.Timeout {
  let isHeard = true;
  const heard = (): void => void (isHeard = true);
  ws.on("message", heard).on("ping", heard).on("pong", heard);
  return setInterval(() => {
    if (!isHeard && !ws.isPaused) return ws.terminate();
    isHeard = false;
    ws.ping();
  }, silenceMs);
}

/** For Node's client, without what is of the client's own handshake. */
function headersOf(fields: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (let i = 0; i < fields.length; i += 2)
    if (!OF_HANDSHAKE.test(fields[i]!))
      (headers[fields[i]!.toLowerCase()] ??= []).push(fields[i + 1]!);
  return headers;
}

const OF_HANDSHAKE = /^(?:sec-websocket-|content-length$)/i;

/** Cookies and the like. */
const ownFields = ({ rawHeaders }: IncomingMessage): [string, string][] =>
  pairsOf(endToEnd(rawHeaders)).filter(([name]) => !OF_HANDSHAKE.test(name));

/** As it came, not as it may have been completed. */
const fieldOf = (
  { rawHeaders }: IncomingMessage,
  name: string,
): string | undefined =>
  pairsOf(rawHeaders).find(([it]) => it.toLowerCase() === name)?.[1];
