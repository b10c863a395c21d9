/** Applications behind servers that speak HTTP: a reverse proxy with kept connections. */
import {
  Agent,
  request as httpRequest,
  type ClientRequestArgs,
} from "node:http";
import type { NetConnectOpts, Socket } from "node:net";
import { toNative } from "./common/cgi.ts";
import type { GatewayRequest, OpenApplication } from "../lib/adapter.ts";
import {
  forward,
  MILLISECONDS,
  ReplySocket,
  targetsFrom,
  Upstreams,
  upstreamSettings,
  type Prepared,
  type Rule,
  type UpstreamOptions,
} from "../lib/upstream.ts";
import { ensure } from "eddy/operations";
import { fieldsOf } from "./http/fields.ts";

export interface HttpOptions extends UpstreamOptions {
  /** The Host field for the upstream. Default: the one that the client asked for. */
  host?: string;
  /** Milliseconds for which a connection that has nothing to do is kept. Default 1,500: less than the 2 seconds after which Gunicorn closes one, as the first of those in use; a request that meets a closing connection may be lost. 0 keeps none. */
  keepAliveMs?: number;
}

/**
 * Makes the server at `http://host:port` or `unix:/path` mountable; of several the one with the fewest requests gets the
 * next. The path is handed on as the client sent it, with the mount. Bodies are streamed both ways at the slower side's
 * pace. `X-Forwarded-For`, `-Proto` and `-Host` say who asks, in place of what the client says there.
 *
 * The kept connections belong to the loop, and are closed when it has drained. When the client leaves, its time is up or
 * the loop closes, the connection of its request is closed. A server that cannot be reached or fails is left out for a
 * while; where it has seen nothing of the request, another one gets it.
 *
 * @throws {UsageError} for a target that is none, an option that does not exist or has a bad value.
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
  const targets = targetsFrom(upstreams, "http://");
  const settings = upstreamSettings(options, targets.length, FURTHER);
  const servers = new Upstreams(targets, settings);
  const { host, keepAliveMs = 1500 } = settings;
  const keepAlive = keepAliveMs > 0;
  const agent = new ReplyAgent({ keepAlive, timeout: keepAliveMs });
  const prepare = (request: GatewayRequest): Prepared =>
    prepared(request, host, agent);
  return {
    *open() {
      yield* ensure(() => agent.destroy());
    },
    handle: (request) => forward(request, prepare, servers, settings),
  };
}

/** Its connections are those on which the reply counts. */
class ReplyAgent extends Agent {
  override createConnection(options: ClientRequestArgs): Socket {
    return new ReplySocket(options as object).connect(
      options as NetConnectOpts,
    );
  }
}

const FURTHER: Record<string, Rule> = {
  host: [
    (value) => typeof value === "string" && /^[\w.:[\]-]+$/.test(value),
    "a host, with or without a port",
  ],
  keepAliveMs: [
    (value) => value === 0 || MILLISECONDS[0](value),
    "a number of milliseconds from 0 up",
  ],
};

function prepared(
  request: GatewayRequest,
  host: string | undefined,
  agent: Agent,
): Prepared {
  const { method, mountPath, path, queryString, hasBody } = request;
  const query = queryString === "" ? "" : `?${queryString}`;
  const target = toNative(`${mountPath}${path}${query}`);
  const headers = fieldsOf(request, host);
  return {
    body: hasBody ? request.body : undefined,
    begin: ({ connect }, again) =>
      httpRequest({
        method,
        path: target,
        headers,
        agent: again ? new ReplyAgent() : agent,
        ...("path" in connect ? { socketPath: connect.path } : connect),
      }),
  };
}
