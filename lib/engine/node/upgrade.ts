/** Requests for an upgrade: Node gives their connections away, and does nothing more for them. */
import { ServerResponse, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer } from "ws";
import { offersDeflate, PERMESSAGE_DEFLATE } from "../deflate-offer.ts";
import type { Accept } from "../socket.ts";
import { HttpOutlet } from "./outlet.ts";
import { NodeSocket } from "./socket.ts";
import type { Topics } from "./topics.ts";

export const isForWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === "GET" && headers.upgrade?.toLowerCase() === "websocket";

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  "transfer-encoding" in headers || Number(headers["content-length"] ?? 0) > 0;

/** The response of a request whose connection Node has given away, which ends with it. */
export function responseOn(
  request: IncomingMessage,
  socket: Socket,
): ServerResponse<IncomingMessage> {
  request.complete = true;
  const response = new ServerResponse<IncomingMessage>(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on("finish", () => socket.destroySoon());
  return response;
}

export class UpgradeOutlet extends HttpOutlet {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** What has come behind the request. */
  readonly #early: Buffer;
  readonly #topics: Topics;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    early: Buffer,
    topics: Topics,
  ) {
    super(request, response);
    this.#request = request;
    this.#response = response;
    this.#early = early;
    this.#topics = topics;
  }

  upgrade({ head, protocol, limits, events }: Accept): void {
    if (this.state !== "waiting") return;
    this.state = "ended";
    this.status = head.status;
    const { socket, headers } = this.#request;
    const compress =
      limits.compress &&
      offersDeflate(headers["sec-websocket-extensions"] ?? "");
    // What is agreed upon alone: `ws` answers 400 to a field in which something else is wrong.
    if (compress) headers["sec-websocket-extensions"] = PERMESSAGE_DEFLATE;
    if (protocol === "") delete headers["sec-websocket-protocol"];
    else headers["sec-websocket-protocol"] = protocol;
    this.#response.detachSocket(socket);
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: limits.maxMessageBytes,
      perMessageDeflate: compress && DEFLATE,
    });
    server.on("headers", (lines) => lines.push(...linesOf(head.fields)));
    server.handleUpgrade(this.#request, socket, this.#early, (ws) =>
      events.opened(new NodeSocket(ws, limits, events, this.#topics)),
    );
  }
}

/**
 * Each message by itself: what would be kept from one to the next takes 300 KB a connection. From which length on is
 * told with each message.
 */
const DEFLATE = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  threshold: 0,
};

function linesOf(fields: Accept["head"]["fields"]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < fields.length; i += 2)
    lines.push(`${String(fields[i])}: ${String(fields[i + 1])}`);
  return lines;
}
