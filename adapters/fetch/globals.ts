/** The light `Response` in place of the global one, and what Node's own functions need to bear the rest. */
import { ensure, type Operation } from "effection";
import { nativeFetch, NativeRequest, READS_LOOKALIKES } from "./platform.ts";
import { LightRequest } from "./request.ts";
import { LightResponse } from "./response.ts";

/** `Request` and `fetch` that take a light request for what it stands for. Where Node reads one, its own will do. */
const UNDERSTANDING = READS_LOOKALIKES
  ? {}
  : {
      Request: new Proxy(NativeRequest, {
        construct: (target, [input, ...rest], made) =>
          Reflect.construct(target, [realOf(input), ...rest], made) as object,
      }),
      fetch: ((input, init) =>
        nativeFetch(realOf(input) as RequestInfo, init)) as typeof fetch,
    };

const OURS: Readonly<Record<string, unknown>> = {
  Response: LightResponse,
  ...UNDERSTANDING,
};

const realOf = (input: unknown): unknown =>
  LightRequest.is(input) ? input.native : input;

/** What was there before, while anybody needs ours. */
const replaced = { users: 0, before: {} as Record<string, unknown> };

/**
 * Until the caller's scope ends; of several, the last. What somebody else has replaced meanwhile stays theirs. True:
 * they were not there already.
 */
export function* useLightGlobals(): Operation<boolean> {
  const scope = globalThis as unknown as Record<string, unknown>;
  const isFirst = replaced.users++ === 0;
  if (isFirst)
    for (const name in OURS) {
      replaced.before[name] = scope[name];
      scope[name] = OURS[name];
    }
  yield* ensure(() => {
    if (--replaced.users > 0) return;
    for (const name in OURS)
      if (scope[name] === OURS[name]) scope[name] = replaced.before[name];
  });
  return isFirst;
}
