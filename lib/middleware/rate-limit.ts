/** So many requests in a while from each client, and no more. */
import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import {
  checkOptions,
  COUNT,
  TEXT,
  type Rule,
} from "../common/checked-options.ts";
import { HttpError, UsageError } from "../common/errors.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { Middleware } from "./compose.ts";
import { addToErrors } from "./errors.ts";

export interface RateLimitOptions {
  /** How many in `seconds`. */
  requests: number;
  /** @default 60 */
  seconds?: number;
  /**
   * Who counts as one. `undefined`: this request is not counted.
   *
   * @default the client's address; of an IPv6 address the first 64 bits, as one client has all the others
   */
  key?: (request: GatewayRequest) => string | undefined;
  /**
   * A client of `@redis/client`, `redis` or `ioredis`, connected: all processes count together. While it does not
   * answer, each counts for itself.
   *
   * @default none: each process counts for itself, in memory
   */
  redis?: object;
  /** Tells several limits in one Redis apart. @default "eddy:rate" */
  prefix?: string;
}

const RULES: Record<string, Rule> = {
  requests: COUNT,
  seconds: COUNT,
  key: [(value) => typeof value === "function", "a function"],
  redis: [
    (value) =>
      typeof (value as Partial<RedisClient> | null)?.eval === "function",
    "a client of Redis",
  ],
  prefix: TEXT,
};

/**
 * Answers 429 with `retry-after` to whoever asks more often than that, in windows that begin with a client's first
 * request. Replies say by `ratelimit-limit`, `ratelimit-remaining` and `ratelimit-reset` (seconds) how it stands.
 *
 * @throws {UsageError} for an option that does not exist or has a bad value.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { rateLimit } from "eddy/middleware";
 *
 * await new Loop()
 *   .use("/login", rateLimit({ requests: 5, seconds: 60 }))
 *   .post("/login", () => "welcome")
 *   .listen(8000);
 * ```
 */
export function rateLimit(options: RateLimitOptions): Middleware {
  const {
    requests,
    seconds = 60,
    key = clientOf,
    redis,
    prefix = "eddy:rate",
  } = checkOptions(options, RULES, "rateLimit()");
  if (requests === undefined)
    throw new UsageError("rateLimit() needs a number of requests");
  const alone = new Counts(seconds * 1000);
  const together =
    redis && new RedisCounts(redis as RedisClient, prefix, seconds * 1000);
  let isAlone = false;
  const count = async (request: GatewayRequest, whose: string) => {
    if (together === undefined) return alone.add(whose);
    try {
      const counted = await together.add(whose);
      isAlone = false;
      return counted;
    } catch (error) {
      if (!isAlone)
        request.log.warn(
          { err: error },
          "rateLimit: Redis does not answer; this process counts alone",
        );
      isAlone = true;
      return alone.add(whose);
    }
  };
  return async (request, next) => {
    const whose = key(request);
    if (whose === undefined) return next();
    const { used, leftMs } = await count(request, whose);
    const reset = Math.max(1, Math.ceil(leftMs / 1000));
    const fields = {
      "ratelimit-limit": String(requests),
      "ratelimit-remaining": String(Math.max(0, requests - used)),
      "ratelimit-reset": String(reset),
    };
    if (used > requests)
      throw new HttpError(429, "too many requests; come again later", {
        headers: { ...fields, "retry-after": String(reset) },
      });
    addToErrors(request, fields);
    return next().change(({ headers }) => {
      for (const [name, value] of Object.entries(fields))
        headers.set(name, value);
    });
  };
}

/** Requests of one client in its window, and what is left of that. */
interface Counted {
  readonly used: number;
  readonly leftMs: number;
}

/** In memory: windows that are over are forgotten once in as long a time. */
class Counts {
  readonly #windowMs: number;
  readonly #windows = new Map<string, { used: number; endsAt: number }>();
  #sweptAt = Date.now();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add(whose: string): Counted {
    const now = Date.now();
    if (now - this.#sweptAt > this.#windowMs) this.#sweep(now);
    let window = this.#windows.get(whose);
    if (window === undefined || window.endsAt <= now) {
      window = { used: 0, endsAt: now + this.#windowMs };
      this.#windows.set(whose, window);
    }
    return { used: ++window.used, leftMs: window.endsAt - now };
  }

  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const [whose, { endsAt }] of this.#windows)
      if (endsAt <= now) this.#windows.delete(whose);
  }
}

/** What is used of node-redis (`isReady`, options as an object) or ioredis (`status`, options in a row). */
interface RedisClient {
  readonly isReady?: boolean;
  readonly status?: string;
  eval(script: string, ...args: unknown[]): Promise<unknown>;
}

/** In one step, so that no window is without its end. */
const COUNT_ONE = `
local used = redis.call("INCR", KEYS[1])
if used == 1 then redis.call("PEXPIRE", KEYS[1], ARGV[1]) end
return { used, redis.call("PTTL", KEYS[1]) }`;

class RedisCounts {
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #windowMs: string;

  constructor(client: RedisClient, prefix: string, windowMs: number) {
    this.#client = client;
    this.#prefix = prefix;
    this.#windowMs = String(windowMs);
  }

  /** @throws when Redis is not there: a client that connects again would keep the request waiting. */
  async add(whose: string): Promise<Counted> {
    const client = this.#client;
    const key = `${this.#prefix}:${whose}`;
    const isNodeRedis = client.isReady !== undefined;
    if (!(isNodeRedis ? client.isReady : client.status === "ready"))
      throw new Error("the client of Redis is not connected");
    const counted = isNodeRedis
      ? client.eval(COUNT_ONE, { keys: [key], arguments: [this.#windowMs] })
      : client.eval(COUNT_ONE, 1, key, this.#windowMs);
    const [used, leftMs] = (await counted) as [number, number];
    return { used, leftMs };
  }
}

function clientOf({ remoteAddress }: GatewayRequest): string {
  if (!isIPv6(remoteAddress)) return remoteAddress;
  const address = ipaddr.IPv6.parse(remoteAddress);
  return address.isIPv4MappedAddress()
    ? address.toIPv4Address().toString()
    : address.parts.slice(0, 4).join(":");
}
