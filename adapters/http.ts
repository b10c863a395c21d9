/** Applications behind servers that speak HTTP: a reverse proxy with kept connections. */
import { Agent, request as httpRequest } from "node:http";
import type { NetConnectOpts, Socket } from "node:net";
import { toNative } from "./common/cgi.ts";
import type { GatewayRequest, OpenApplication } from "../lib/adapter.ts";
import {
  endToEnd,
  forward,
  MILLISECONDS,
  ReplySocket,
  upstreamAddresses,
  Upstreams,
  upstreamSettings,
  type OutgoingRequest,
  type Rule,
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
}

/**
 * Makes the server at `http://host:port` or `unix:/path` mountable; of several, the one with the fewest requests gets
 * the next. The path is handed on as the client sent it, with the mount. Bodies are streamed both ways at the slower
 * side's pace. `X-Forwarded-For`, `-Proto` and `-Host` say who asks, in place of what the client says there.
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
  const { host, keepAliveMs = 1500 } = settings;
  const keepAlive = keepAliveMs > 0;
  const agent = new ReplyAgent({ keepAlive, timeout: keepAliveMs });
  return {
    *open() {
      yield* ensure(() => agent.destroy());
    },
    status: () => servers.status("http"),
    handle: (request) =>
      forward(request, () => outgoing(request, host, agent), servers),
  };
}

/** Keeps connections on which the reply counts. */
class ReplyAgent extends Agent {
  override createConnection(options: NetConnectOpts): Socket {
    return new ReplySocket(options as object).connect(options);
  }
}

const RULES: Record<string, Rule> = {
  host: [
    (value) => typeof value === "string" && /^[\w.:[\]-]+$/.test(value),
    "a host, with or without a port",
  ],
  keepAliveMs: [
    (value) => value === 0 || MILLISECONDS[0](value),
    "a number of milliseconds from 0 up",
  ],
};

function outgoing(
  request: GatewayRequest,
  host: string | undefined,
  agent: Agent,
): OutgoingRequest {
  const { method, mountPath, path, queryString, hasBody } = request;
  const query = queryString === "" ? "" : `?${queryString}`;
  const target = toNative(`${mountPath}${path}${query}`);
  const headers = fieldsOf(request, host);
  return {
    body: hasBody ? request.body : undefined,
    begin: ({ connect }, anew) =>
      httpRequest({
        method,
        path: target,
        headers,
        agent: anew ? new ReplyAgent() : agent,
        ...("path" in connect ? { socketPath: connect.path } : connect),
      }),
  };
}

/** `Expect` is answered here. The others are set below: what a client says there is not to be believed. */
const DROPPED = [
  "expect",
  "forwarded",
  "host",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
];

const CHUNKED = ["transfer-encoding", "chunked"];

/** Without it, Node's client would send chunks with a method that can have a body. */
const NO_BODY = ["content-length", "0"];

/** The header fields: name, value, name, value, …; `host`: in place of the client's. */
function fieldsOf(request: GatewayRequest, host: string | undefined): string[] {
  const fields = [
    "host",
    host ?? request.headers.get("host") ?? "",
    ...endToEnd(request.headers.raw, DROPPED).map(toNative),
  ];
  if (!request.headers.has("content-length"))
    fields.push(...(request.hasBody ? CHUNKED : NO_BODY));
  const { remoteAddress, scheme } = request;
  if (remoteAddress !== "") fields.push("x-forwarded-for", remoteAddress);
  fields.push("x-forwarded-proto", scheme);
  if (request.host !== "") fields.push("x-forwarded-host", request.host);
  fields.push("via", "1.1 eddy"); // RFC 9110, section 7.6.3: a gateway must
  return fields;
}
