/** The broker that a URL means. */
import { UsageError } from "../common/errors.ts";
import type { Broker } from "./broker.ts";
import { NATS, REDIS } from "./location.ts";
import { nats } from "./nats.ts";
import { redis } from "./redis.ts";

const MAKERS = [
  [NATS, nats],
  [REDIS, redis],
] as const;

/** Undefined for empty text. @throws {UsageError} which does not show it. */
export function brokerAt(url: string): Broker | undefined {
  if (url === "") return undefined;
  const [scheme = ""] = /^\w+:/.exec(url) ?? [];
  const known = MAKERS.find(([schemes]) => scheme in schemes);
  if (known === undefined)
    throw new UsageError(
      "a broker is at nats://, tls://, redis:// or rediss://",
    );
  return known[1](url);
}
