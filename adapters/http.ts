/** Applications behind servers that speak HTTP: a reverse proxy with kept connections. */
import { Agent, request as httpRequest, type ClientRequest } from "node:http";
import { Agent as SecureAgent, request as httpsRequest } from "node:https";
import { isIP, type NetConnectOpts, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { targetOf, toNative } from "./common/cgi.ts";
import { fieldsOf } from "./http/fields.ts";
import { ELSEWHERE, upgrading, type Handshake } from "./common/web-socket.ts";
import {
  asksForWebSocket,
  type Call,
  type GatewayRequest,
  type OpenApplication,
  type WebSocketOptions,
} from "../lib/adapter.ts";
import {
  checkHealth,
  forward,
  MILLISECONDS,
  ReplySocket,
  upstreamAddresses,
  Upstreams,
  upstreamSettings,
  urlHost,
  type OutgoingRequest,
  type Rule,
  type UpstreamAddress,
  type UpstreamOptions,
} from "../lib/upstream.ts";
import { ensure } from "eddy/operations";

export interface HttpOptions extends UpstreamOptions {
  /**
   * The Host field for the upstream.
   *
   * @default the one that the client sent
   */
  host?: string;
  /**
   * Milliseconds for which an idle connection is kept. 0 keeps none.
   * A request that meets a closing connection may be lost, so this is to be less than the upstream's own time.
   *
   * @default 1500: of the servers in use Gunicorn closes first, after 2 seconds
   */
  keepAliveMs?: number;
  /**
   * For upstreams at `https://`: the authorities that their certificates are checked by, in place of those that Node
   * knows; the name that is asked for and checked; and a certificate of one's own, all in PEM.
   *
   * @default the authorities of Node, and the host of the upstream
   */
  tls?: { ca?: string; servername?: string; cert?: string; key?: string };
  /**
   * WebSockets are handed on, with these options of their sockets; `maxMessageBytes` holds in both directions. `false`:
   * who asks for one is handed on as an ordinary request.
   *
   * @default `origins: "any"`, as the server behind sees the field Origin and has its own opinion; `maxMessageBytes`:
   * 16 MiB, the limit of Uvicorn, as it is that server's application that knows its messages
   */
  websocket?: WebSocketOptions | false;
}

/**
 * Makes the server at `http://host:port`, `https://host:port` or `unix:/path` mountable; of several, the one with the
 * fewest requests gets the next. The path is handed on as the client sent it, with the mount. Bodies are streamed both
 * ways at the slower side's pace. `X-Forwarded-For`, `-Proto` and `-Host` say who asks; all that the
 * client says there, in further `X-Forwarded-` fields and in `X-Real-IP` goes no further.
 *
 * The kept connections belong to the loop, and are closed when it has drained. When the client leaves, its time is up
 * or the loop closes, the connection of its request is closed. A server that cannot be reached or fails is left out for
 * a while; where it has seen nothing of the request, another one gets it.
 *
 * @throws {UsageError} for an address that is not valid, an option that does not exist or has a bad value.
 *
 * At a request: {@link UpstreamError} (502), {@link UpstreamTimeoutError} (504).
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { http } from "eddy/adapters/http";
 *
 * const loop = new Loop();
 * loop.mount("/", http(["http://10.0.0.7:8080", "http://10.0.0.8:8080"], { timeoutMs: 30_000 }));
 * await loop.listen(8000);
 * ```
 */
export function http(
  upstreams: string | readonly string[],
  options: HttpOptions = {},
): OpenApplication {
  const addresses = upstreamAddresses(upstreams, "http://");
  const settings = upstreamSettings(options, addresses.length, RULES);
  const servers = new Upstreams(addresses, settings);
  const { host, keepAliveMs = 1500, tls, websocket } = settings;
  const sockets =
    websocket === false ? undefined : { ...ELSEWHERE, ...websocket };
  const handshake = (request: GatewayRequest, call?: Call): Handshake => ({
    path: targetOf(request),
    fields: fieldsOf(request, host, [], call),
    connect: ({ connect, secure }) =>
      secure
        ? connectTls({ servername: serverName(connect), ...connect, ...tls })
        : new ReplySocket().connect(connect),
    maxMessageBytes: sockets?.maxMessageBytes ?? ELSEWHERE.maxMessageBytes,
    silenceMs: settings.timeoutMs,
  });
  const kept = { keepAlive: keepAliveMs > 0, timeout: keepAliveMs };
  const agents: Agents = {
    plain: new ReplyAgent(kept),
    secure: new SecureAgent({ ...kept, ...tls }),
    tls,
  };
  return {
    *open({ log }) {
      yield* ensure(() => {
        agents.plain.destroy();
        agents.secure.destroy();
      });
      const ask = (address: UpstreamAddress, path: string): ClientRequest => {
        const fields = [...ASKED_FOR_HEALTH, "host", host ?? hostOf(address)];
        return begin({ method: "GET", path, headers: fields }, address, agents);
      };
      yield* checkHealth(servers, ask, log);
    },
    status: () => servers.status("http"),
    websocket: sockets,
    handle: (request) =>
      forward(
        request,
        sockets !== undefined && asksForWebSocket(request)
          ? (call) => upgrading(request, handshake(request, call))
          : (call) => outgoing(request, host, agents, call),
        servers,
      ),
  };
}

/** Whoever keeps the connections, and what those by TLS have in common. */
interface Agents {
  readonly plain: Agent;
  readonly secure: SecureAgent;
  readonly tls: HttpOptions["tls"];
}

/** Keeps connections on which the reply counts. */
class ReplyAgent extends Agent {
  override createConnection(options: NetConnectOpts): Socket {
    return new ReplySocket(options as object).connect(options);
  }
}

const RULES: Record<string, Rule> = {
  websocket: [
    (value) => value === false || (typeof value === "object" && value !== null),
    "options of sockets, or false",
  ],
  host: [
    (value) => typeof value === "string" && /^[\w.:[\]-]+$/.test(value),
    "a host, with or without a port",
  ],
  tls: [
    (value) => typeof value === "object" && value !== null,
    "an object with ca, servername, cert or key",
  ],
  keepAliveMs: [
    (value) => value === 0 || MILLISECONDS[0](value),
    "a number of milliseconds from 0 up",
  ],
};

function outgoing(
  request: GatewayRequest,
  host: string | undefined,
  agents: Agents,
  call: Call | undefined,
): OutgoingRequest {
  const { method, hasBody } = request;
  const path = targetOf(request);
  const headers = fieldsOf(request, host, framingOf(request), call);
  return {
    body: hasBody ? request.body : undefined,
    trailers:
      hasBody && !request.headers.has("content-length")
        ? () => request.trailers.raw.map(toNative)
        : undefined,
    begin: (address, anew) =>
      begin({ method, path, headers }, address, agents, anew),
  };
}

/** `anew`: not on a kept connection. */
function begin(
  what: { method: string; path: string; headers: string[] },
  { connect, secure }: UpstreamAddress,
  agents: Agents,
  anew = true,
): ClientRequest {
  const where = "path" in connect ? { socketPath: connect.path } : connect;
  if (!secure) {
    const agent = anew ? new ReplyAgent() : agents.plain;
    return httpRequest({ ...what, ...where, agent });
  }
  const agent = anew ? new SecureAgent(agents.tls) : agents.secure;
  const named = { servername: serverName(connect), ...agents.tls };
  return httpsRequest({ ...what, ...where, ...named, agent });
}

const ASKED_FOR_HEALTH = ["connection", "close", "user-agent", "eddy"];

/** In the field Host. */
function hostOf({ connect }: UpstreamAddress): string {
  if ("path" in connect) return "localhost";
  const { host, port } = connect;
  return `${urlHost(host)}:${port}`;
}

/** The name that is asked for: of an address there is none, and Node would take the client's. */
const serverName = (connect: UpstreamAddress["connect"]): string =>
  "host" in connect && !isIP(connect.host) ? connect.host : "";

/** Without a length, Node's client would send chunks with a method that can have a body. */
function framingOf({
  method,
  headers,
  hasBody,
}: GatewayRequest): readonly string[] {
  if (headers.has("content-length")) return [];
  if (hasBody) return CHUNKED;
  return BODILESS.test(method) ? [] : NO_BODY;
}

const CHUNKED = ["transfer-encoding", "chunked"];

/** RFC 9110, section 8.6: methods that have a body as a rule say so. */
const NO_BODY = ["content-length", "0"];

/** With these a length would be a surprise. */
const BODILESS = /^(?:GET|HEAD|DELETE|OPTIONS|TRACE)$/;
