/** Asks servers behind the loop, again and again, whether they are well, and leaves out those that are not. */
import type { ClientRequest } from "node:http";
import { describe } from "../common/thrown.ts";
import type { Logger } from "../common/log.ts";
import { action, sleep, spawn, type Operation } from "../operations.ts";
import type { UpstreamAddress } from "./options.ts";
import type { Upstream, Upstreams } from "./upstreams.ts";

/** Begins a GET of a path, on a connection of its own. */
export type Ask = (address: UpstreamAddress, path: string) => ClientRequest;

/** Each by a task, which ends with whoever runs this; none where the options say nothing of it. */
export function* checkHealth(
  { all, healthCheck }: Upstreams,
  ask: Ask,
  log: Logger,
): Operation<void> {
  if (healthCheck === undefined) return;
  for (const upstream of all)
    yield* spawn(function* health() {
      for (;;) {
        upstream.checked(log, yield* check(upstream, ask, healthCheck));
        yield* sleep(upstream.settings.healthIntervalMs);
      }
    });
}

/** What is wrong with it; undefined: nothing. */
function* check(
  { address, settings }: Upstream,
  ask: Ask,
  path: string,
): Operation<string | undefined> {
  const limitMs = settings.connectTimeoutMs;
  return yield* action<string | undefined>((resolve) => {
    const late = setTimeout(
      () => resolve(`GET ${path} is not answered within ${limitMs} ms`),
      limitMs,
    );
    const out = ask(address, path)
      .on("error", (error) => resolve(describe(error)))
      .on("response", (reply) => {
        const { statusCode = 0 } = reply;
        const isWell = statusCode >= 200 && statusCode < 400;
        const problem = `GET ${path} is answered ${statusCode}`;
        reply
          .on("error", (error) => resolve(describe(error)))
          .on("end", () => resolve(isWell ? undefined : problem))
          .resume();
      })
      .end();
    return () => {
      clearTimeout(late);
      out.destroy();
    };
  }, `GET ${path} of ${address.name}`);
}
