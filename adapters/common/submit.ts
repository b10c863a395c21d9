/** A request that a pool of threads or processes serves, as an operation. */
import { action, type Operation } from "eddy/operations";
import {
  traceOf,
  type Call,
  type GatewayRequest,
  type GatewayResponse,
} from "../../lib/adapter.ts";

/** Where the reply goes; what comes after the first of them is ignored. */
export interface ReplyReceiver<R = GatewayResponse> {
  resolve(response: R): void;
  reject(error: Error): void;
}

interface CallPool<C> {
  /** @throws {ThreadsBusyError} when the line is full. */
  submit(call: C): void;
  /** Its exchange does not wait for a head any more: there is one, or it has ended. */
  leave(call: C): void;
}

/**
 * Halted before there is a head, the call leaves the pool; after that the body is told to end. `waitsFor` is seen in
 * `loop.tasks()`.
 */
export function submitTo<C, R = GatewayResponse>(
  pool: CallPool<C>,
  createCall: (receiver: ReplyReceiver<R>) => C,
  waitsFor: string,
): Operation<R> {
  return action((resolve, reject) => {
    const call = createCall({ resolve, reject });
    try {
      pool.submit(call);
    } catch (error) {
      reject(error as Error);
    }
    return () => pool.leave(call);
  }, waitsFor);
}

/** As which it is traced, until there is a head; undefined where there is no trace. */
export const callOf = (
  request: GatewayRequest,
  name: string,
): Call | undefined => traceOf(request)?.call(name, "internal", {});

/** Waits for the body of a request to be here, and gives its length. */
export function received(request: GatewayRequest): Operation<number> {
  return action((resolve, reject) => {
    request.received().then(resolve, reject);
    return () => {};
  }, "the body of the request");
}
