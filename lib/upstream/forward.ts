/** Hands a request on to one of several servers, and to another one while none has seen anything of it. */
import { UpstreamError } from "../common/errors.ts";
import { action, until, type Operation } from "../operations.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { GatewayResponse } from "../reply/types.ts";
import { Attempt, UnseenError, type OutgoingRequest } from "./attempt.ts";
import type { UpstreamSettings } from "./options.ts";
import type { Upstream, Upstreams } from "./upstreams.ts";

/**
 * The reply of the server that the request was handed on to.
 *
 * @param prepare - makes the request that goes out; called once, however many servers are tried.
 * @throws {UpstreamError} when no server can be reached, or the chosen one breaks off or does not speak valid HTTP.
 * @throws {UpstreamTimeoutError} when it is silent.
 */
export function* forward(
  request: GatewayRequest,
  prepare: (
    request: GatewayRequest,
  ) => OutgoingRequest | Promise<OutgoingRequest>,
  upstreams: Upstreams,
  settings: UpstreamSettings,
): Operation<GatewayResponse> {
  const preparing = prepare(request);
  const outgoing =
    preparing instanceof Promise ? yield* until(preparing) : preparing;
  const tried = new Set<Upstream>();
  for (let retries = 0; ; retries++) {
    const upstream = upstreams.choose(tried);
    tried.add(upstream);
    try {
      return yield* action<GatewayResponse>((resolve, reject) => {
        const attempt = new Attempt(request, outgoing, upstream, settings, {
          resolve,
          reject,
        });
        attempt.start(retries > 0);
        return () => attempt.abandon();
      });
    } catch (error) {
      if (!(error instanceof UnseenError)) throw error;
      if (retries >= settings.retries)
        throw new UpstreamError(error.message, { cause: error.cause });
      request.log.info({ err: error }, "trying again");
    }
  }
}
