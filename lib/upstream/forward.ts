/** Hands a request on to one of several servers, and to another one where nobody has seen it yet. */
import type { ClientRequest } from "node:http";

import { UpstreamError } from "../common/errors.ts";
import { action, until, type Operation } from "../operations.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { Chunk, GatewayResponse } from "../reply/types.ts";
import { Call, UnseenError } from "./call.ts";
import type { UpstreamSettings } from "./options.ts";
import type { Upstream, Upstreams } from "./upstreams.ts";
import type { Target } from "./target.ts";

/** The body of a request that is handed on; none: undefined. */
export type Body = AsyncIterable<Uint8Array> | Iterable<Chunk> | undefined;

/** A request, ready to be sent as often as it takes: what it takes of the client has been read. */
export interface Prepared {
  readonly body: Body;
  /** Connects for one attempt, and sends nothing yet. `again`: by a new connection. */
  begin(target: Target, again: boolean): ClientRequest;
}

/**
 * @throws {UpstreamError} when no server can be reached, or the one that was breaks off or says what is no HTTP.
 * @throws {UpstreamTimeoutError} when it is silent.
 */
export function* forward(
  request: GatewayRequest,
  prepare: (request: GatewayRequest) => Prepared | Promise<Prepared>,
  upstreams: Upstreams,
  settings: UpstreamSettings,
): Operation<GatewayResponse> {
  const preparing = prepare(request);
  const prepared =
    preparing instanceof Promise ? yield* until(preparing) : preparing;
  const tried = new Set<Upstream>();
  for (let attempt = 0; ; attempt++) {
    const upstream = upstreams.choose(tried);
    tried.add(upstream);
    try {
      return yield* callOf(request, prepared, upstream, settings, attempt > 0);
    } catch (error) {
      if (!(error instanceof UnseenError)) throw error;
      if (attempt >= settings.retries)
        throw new UpstreamError(error.message, { cause: error.cause });
      request.log.info({ err: error }, "trying again");
    }
  }
}

function callOf(
  request: GatewayRequest,
  prepared: Prepared,
  upstream: Upstream,
  settings: UpstreamSettings,
  again: boolean,
): Operation<GatewayResponse> {
  return action((resolve, reject) => {
    const call = new Call(request, prepared.body, upstream, settings, {
      resolve,
      reject,
    });
    call.start(() => prepared.begin(upstream.target, again));
    return () => call.leave();
  });
}
