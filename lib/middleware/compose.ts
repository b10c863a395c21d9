/** Middleware around a handler: composed once, when the loop begins to serve. */
import type { Operation } from "effection";
import type { Handler } from "../exchange/application.ts";
import { isOperation } from "../operations/is-operation.ts";
import { bindContext } from "../reply/bind-context.ts";
import type { Reply } from "../reply/types.ts";
import type { GatewayRequest } from "../request/request.ts";
import { Answer } from "./answer.ts";
import { isBelow } from "./prefix.ts";

/** Asks what is inside. Its stores of `AsyncLocalStorage` are those of whoever calls it. */
export type Next = () => Answer;

/**
 * What stands around applications: a plain function, an async function or an operation, whatever they are. It answers
 * by itself, or with what `next()` gives.
 *
 * @example
 * ```ts
 * import { Loop, type Middleware } from "eddy";
 *
 * const timed: Middleware = async (request, next) => {
 *   const start = performance.now();
 *   const reply = await next();
 *   reply.headers.set("server-timing", `app;dur=${performance.now() - start}`);
 *   return reply;
 * };
 *
 * await new Loop().use(timed).mount(() => "hello").listen(8000);
 * ```
 */
export type Middleware = (
  request: GatewayRequest,
  next: Next,
) => Reply | Answer | Promise<Reply | Answer> | Operation<Reply | Answer>;

/** Middleware, and the prefix below which it stands. */
export interface Placed {
  readonly prefix: string;
  readonly middleware: Middleware;
}

/** `handle`, found by `pattern`, with what stands around it: the first is the outermost. */
export function compose(
  placed: readonly Placed[],
  pattern: string,
  handle: Handler,
): Handler {
  return placed.reduceRight(
    (inner, one) => within(one, pattern, inner),
    handle,
  );
}

/** What the pattern tells already is not asked at each request. */
function within(
  { prefix, middleware }: Placed,
  pattern: string,
  inner: Handler,
): Handler {
  const outer = around(middleware, inner);
  const [literal] = pattern.split(/\/[:*]/, 1);
  if (isBelow(prefix, literal!)) return outer;
  if (literal === pattern) return inner;
  return (request) =>
    isBelow(prefix, request.mountPath + request.path)
      ? outer(request)
      : inner(request);
}

function around(middleware: Middleware, inner: Handler): Handler {
  return (request) => {
    const result = middleware(
      request,
      () => new Answer(bindContext(inner(request)), request),
    );
    if (typeof result !== "object" || result === null) return result;
    if (result instanceof Answer) return Answer.resultOf(result);
    // a promise follows an answer by itself
    return isOperation(result) ? followed(result) : (result as Reply);
  };
}

function* followed(operation: Operation<Reply | Answer>): Operation<Reply> {
  const reply = yield* operation;
  return reply instanceof Answer ? yield* reply : reply;
}
