/** Applications behind servers that speak the uwsgi protocol: uWSGI, `gunicorn --protocol uwsgi`. */
import { request as httpRequest, type ClientRequest } from "node:http";
import type { Call, GatewayRequest, OpenApplication } from "../lib/adapter.ts";
import {
  checkHealth,
  forward,
  upstreamAddresses,
  Upstreams,
  upstreamSettings,
  type OutgoingRequest,
  type UpstreamAddress,
  type UpstreamOptions,
} from "../lib/upstream.ts";
import {
  encodePacket,
  healthVariables,
  UwsgiSocket,
  variablesOf,
} from "./uwsgi/packet.ts";

export type { UpstreamOptions as UwsgiOptions } from "../lib/upstream.ts";

/**
 * Makes the server at `unix:/path` or `host:port` mountable; of several, the one with the fewest requests gets the
 * next. Each request has a connection of its own, as the protocol has it. Bodies are streamed both ways at the slower
 * side's pace. A chunked request body is read first, up to `maxBodyBytes`, because the protocol needs its length.
 *
 * When the client leaves, its time is up or the loop closes, the connection is closed. A server that cannot be reached
 * or fails is left out for a while; where it has seen nothing of the request, another one gets it.
 *
 * @throws {UsageError} for an address that is not valid, an option that does not exist or has a bad value.
 *
 * At a request: {@link UpstreamError} (502), {@link UpstreamTimeoutError} (504), and 431 for one whose variables are
 * longer than the 65,535 bytes of a packet.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { uwsgi } from "eddy/adapters/uwsgi";
 *
 * const loop = new Loop();
 * loop.mount("/legacy", uwsgi(["unix:/run/app.sock", "10.0.0.7:3031"], { timeoutMs: 30_000 }));
 * await loop.listen(8000);
 * ```
 */
export function uwsgi(
  upstreams: string | readonly string[],
  options: UpstreamOptions = {},
): OpenApplication {
  const addresses = upstreamAddresses(upstreams);
  const settings = upstreamSettings(options, addresses.length);
  const servers = new Upstreams(addresses, settings);
  return {
    *open({ log }) {
      yield* checkHealth(
        servers,
        ({ connect }, path) =>
          begin("GET", encodePacket(healthVariables(path)), 0, connect),
        log,
      );
    },
    status: () => servers.status("uwsgi"),
    handle: (request) =>
      forward(request, (call) => prepare(request, call), servers),
  };
}

function prepare(
  request: GatewayRequest,
  call: Call | undefined,
): OutgoingRequest | Promise<OutgoingRequest> {
  if (!request.hasBody) return outgoing(request, undefined, undefined, call);
  const length = request.headers.get("content-length");
  if (length !== undefined)
    return outgoing(request, Number(length), request.body, call);
  return request
    .bytes()
    .then((body) => outgoing(request, body.length, [body], call));
}

function outgoing(
  request: GatewayRequest,
  length: number | undefined,
  body: OutgoingRequest["body"],
  call: Call | undefined,
): OutgoingRequest {
  const packet = encodePacket(variablesOf(request, length, call));
  return {
    body,
    begin: ({ connect }) => begin(request.method, packet, length, connect),
  };
}

/** Node's client writes a head, which the socket replaces: of it counts only what frames the body and the reply. */
function begin(
  method: string,
  packet: Buffer,
  length: number | undefined,
  connect: UpstreamAddress["connect"],
): ClientRequest {
  return httpRequest({
    method,
    setHost: false,
    headers: { "content-length": length ?? 0 },
    createConnection: () => new UwsgiSocket(packet).connect(connect),
  });
}
