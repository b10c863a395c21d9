/** What is remembered of a visitor from one request to the next. */
import { randomBytes } from "node:crypto";
import { checkOptions, TEXT } from "../common/checked-options.ts";
import { UsageError } from "../common/errors.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { Middleware } from "./compose.ts";
import type { EditableReply } from "./editable-reply.ts";
import {
  COOKIE_RULES,
  SignedCookies,
  type SignedCookiesOptions,
} from "./signed-cookies.ts";

/** Where sessions are kept: by id, as texts. */
export interface SessionStore {
  get(id: string): Promise<string | null | undefined>;
  /** To be forgotten after `maxAgeSeconds`. */
  set(id: string, text: string, maxAgeSeconds: number): Promise<unknown>;
  delete(id: string): Promise<unknown>;
}

export interface SessionOptions extends SignedCookiesOptions {
  /** The cookie's. @default "session" */
  name?: string;
  /**
   * Keeps the data, and the cookie has but an id. Then sessions can be ended from here, and hold more than 4 KB.
   *
   * @default none: the data are in the cookie, signed, and the client can read them
   */
  store?: SessionStore;
}

/** A visitor's session, of this request. */
export interface Session<Data> {
  /** Any JSON. Change it before the head of the reply is out; it is kept with the reply, not with an error's. */
  data: Partial<Data>;
  /** The same data under a new id: to be called where a visitor's rights change, at the login before all. */
  regenerate(): void;
  /** Forgets everything. */
  destroy(): void;
}

/** Gives each request its session. */
export interface Sessions<Data> extends Middleware {
  /** The session of a request. @throws {UsageError} for a request that did not pass here. */
  of(request: GatewayRequest): Session<Data>;
}

/**
 * Sessions: data in a signed cookie, or in a store by an id that only we can have made (32 random bytes, signed); an id
 * that a client brings and the store does not have is never taken up. A reply sets the cookie when the data have
 * changed, and when half of its time is over; a visitor of whom nothing is remembered gets none. Options are those of
 * {@link SignedCookies}, and two more.
 *
 * @throws {UsageError} for an option that does not exist or has a bad value.
 * @throws {Error} in production, when there is no secret.
 *
 * @example
 * ```ts
 * import { json, Loop } from "eddy";
 * import { session } from "eddy/middleware";
 *
 * const sessions = session<{ user: string }>();
 *
 * await new Loop()
 *   .use(sessions)
 *   .post("/login", async (request) => {
 *     const { user } = await request.json<{ user: string }>(); // and a password, in earnest
 *     const visitor = sessions.of(request);
 *     visitor.regenerate();
 *     visitor.data.user = user;
 *     return json({ user });
 *   })
 *   .get("/me", (request) => json(sessions.of(request).data))
 *   .listen(8000);
 * ```
 */
export function session<Data extends object>(
  options: SessionOptions = {},
): Sessions<Data> {
  const {
    name = "session",
    store,
    ...ofCookies
  } = checkOptions(options, RULES, "session()") as SessionOptions;
  const cookies = new SignedCookies(ofCookies);
  const known = new WeakMap<GatewayRequest, Visit<Data>>();
  const enter = (request: GatewayRequest, visit: Visit<Data>) =>
    void known.set(request, visit);
  const middleware: Middleware =
    store === undefined
      ? inCookie(name, cookies, enter)
      : inStore(name, cookies, store, enter);
  return Object.assign(middleware, {
    of(request: GatewayRequest): Session<Data> {
      const visit = known.get(request);
      if (visit === undefined)
        throw new UsageError("this request did not pass session()");
      visit.isUsed = true;
      return visit;
    },
  });
}

const RULES = {
  ...COOKIE_RULES,
  name: TEXT,
  store: [
    (value: unknown) =>
      typeof value === "object" &&
      ["get", "set", "delete"].every(
        (it) =>
          typeof (value as Record<string, unknown> | null)?.[it] === "function",
      ),
    "an object with get, set and delete",
  ],
} as const;

class Visit<Data> implements Session<Data> {
  data: Partial<Data>;
  isUsed = false;
  /** Under which it was found, and is kept. */
  id: string | undefined;
  /** What the cookie, or the store, has by now. */
  readonly text: string | undefined;

  constructor(text: string | undefined, id?: string) {
    this.text = text;
    this.data = text === undefined ? {} : (JSON.parse(text) as Partial<Data>);
    this.id = id;
  }

  regenerate(): void {
    this.id = undefined;
  }

  destroy(): void {
    this.data = {};
    this.id = undefined;
  }

  /** What is to be kept; undefined when that is nothing. */
  get kept(): string | undefined {
    const text = JSON.stringify(this.data);
    return text === "{}" ? undefined : text;
  }
}

type Enter = (request: GatewayRequest, visit: Visit<never>) => void;

type Found = ReturnType<SignedCookies["open"]>;

const isAging = (found: Found, { maxAgeSeconds }: SignedCookies): boolean =>
  found !== undefined && Date.now() - found.madeAt > maxAgeSeconds * 500;

function inCookie(
  name: string,
  cookies: SignedCookies,
  enter: Enter,
): Middleware {
  return (request, next) => {
    const found = cookies.open(request, name);
    const isData = found?.value.startsWith("{"); // not an id, from when there was a store
    const visit = new Visit<never>(isData ? found?.value : undefined);
    enter(request, visit);
    return next().change((reply) => {
      const { kept, text } = visit;
      if (visit.isUsed) reply.headers.vary("cookie");
      if (kept !== undefined && (kept !== text || isAging(found, cookies)))
        setCookie(reply, cookies.set(request, name, kept));
      else if (kept === undefined && text !== undefined)
        setCookie(reply, cookies.clear(request, name));
    });
  };
}

function inStore(
  name: string,
  cookies: SignedCookies,
  store: SessionStore,
  enter: Enter,
): Middleware {
  return async (request, next) => {
    const found = cookies.open(request, name);
    const text = found && ((await store.get(found.value)) ?? undefined);
    const visit = new Visit<never>(text, text && found?.value);
    const before = visit.id;
    enter(request, visit);
    const reply = await next();
    if (visit.isUsed) reply.headers.vary("cookie");
    const { kept, id } = visit;
    if (before !== undefined && (id === undefined || kept === undefined))
      await store.delete(before);
    if (kept === undefined) {
      if (before !== undefined) setCookie(reply, cookies.clear(request, name));
    } else if (kept !== text || id === undefined || isAging(found, cookies)) {
      const its = id ?? randomBytes(32).toString("base64url");
      await store.set(its, kept, cookies.maxAgeSeconds);
      setCookie(reply, cookies.set(request, name, its));
    }
    return reply;
  };
}

/** It is for one visitor: no cache that others ask may keep the reply. */
function setCookie({ headers }: EditableReply, cookie: string): void {
  headers.append("set-cookie", cookie);
  if (!headers.has("cache-control")) headers.set("cache-control", "private");
}

/**
 * Keeps sessions in the memory of this process: for one worker, and until it ends. Of more than `maxSessions` those
 * that were kept first are forgotten.
 */
export class MemorySessions implements SessionStore {
  readonly #kept = new Map<string, { text: string; until: number }>();
  readonly #maxSessions: number;

  constructor({ maxSessions = 10_000 }: { maxSessions?: number } = {}) {
    this.#maxSessions = maxSessions;
  }

  get size(): number {
    return this.#kept.size;
  }

  async get(id: string): Promise<string | undefined> {
    const one = this.#kept.get(id);
    if (one !== undefined && one.until > Date.now()) return one.text;
    this.#kept.delete(id);
    return undefined;
  }

  async set(id: string, text: string, maxAgeSeconds: number): Promise<void> {
    this.#kept.delete(id); // to be the last again
    this.#kept.set(id, { text, until: Date.now() + maxAgeSeconds * 1000 });
    if (this.#kept.size <= this.#maxSessions) return;
    const [oldest] = this.#kept.keys();
    this.#kept.delete(oldest!);
  }

  async delete(id: string): Promise<void> {
    this.#kept.delete(id);
  }
}
