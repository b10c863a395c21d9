/** Cookies that only we can have made. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { serialize, type SerializeOptions } from "cookie";
import {
  AMOUNT,
  checkOptions,
  oneOf,
  SWITCH,
  TEXT,
  type Rule,
} from "../common/checked-options.ts";
import { UsageError } from "../common/errors.ts";
import { secretKey } from "../common/secret-key.ts";
import type { GatewayRequest } from "../request/request.ts";

export interface SignedCookiesOptions {
  /**
   * What signs, at least 16 characters. Of several, the first one signs, and what any of them has signed is taken: a
   * new secret goes in front, the old one is left out when its cookies have had their time.
   *
   * @default `secretKey()` of `eddy/config`
   */
  secret?: string | readonly string[];
  /** How long one is taken, from when it was made; the browser drops it then as well. @default 30 days */
  maxAgeSeconds?: number;
  /** Where they are sent to. @default "/" */
  path?: string;
  /** Also to subdomains. @default none, this host alone */
  domain?: string;
  /** Whether they come along from other sites. @default "lax": only where the user follows a link */
  sameSite?: "strict" | "lax" | "none";
  /** Over HTTPS only. @default where the request came by HTTPS */
  secure?: boolean;
}

export const COOKIE_RULES: Record<string, Rule> = {
  secret: [
    (value) => {
      const secrets = Array.isArray(value) ? (value as unknown[]) : [value];
      return (
        secrets.length > 0 &&
        secrets.every((it) => typeof it === "string" && it.length >= 16)
      );
    },
    "a text of 16 characters or more, or an array of such",
  ],
  maxAgeSeconds: AMOUNT,
  path: TEXT,
  domain: TEXT,
  sameSite: oneOf("strict", "lax", "none"),
  secure: SWITCH,
};

const MONTH = 30 * 24 * 3600;

/** RFC 6265, section 6.1: what browsers keep of one, its name and attributes counted. */
const MAX_BYTES = 4096;

/**
 * Reads and makes cookies that nobody else can have made or changed, as Tornado's `set_signed_cookie`: the signature
 * (HMAC-SHA256) covers name, value and time. The client can read them. Scripts cannot: they are `HttpOnly`.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { SignedCookies } from "eddy/middleware";
 *
 * const cookies = new SignedCookies({ secret: "correct horse battery staple" });
 *
 * await new Loop()
 *   .get("/", (request) => {
 *     const visits = Number(cookies.get(request, "visits") ?? 0) + 1;
 *     return {
 *       headers: { "set-cookie": cookies.set(request, "visits", String(visits)) },
 *       body: `visit ${visits}\n`,
 *     };
 *   })
 *   .listen(8000);
 * ```
 */
export class SignedCookies {
  readonly #keys: readonly Buffer[];
  readonly #options: Partial<SignedCookiesOptions>;

  /**
   * @throws {UsageError} for an option that does not exist or has a bad value.
   * @throws {Error} in production, when there is no secret.
   */
  constructor(options: SignedCookiesOptions = {}) {
    this.#options = checkOptions(options, COOKIE_RULES, "signed cookies");
    const { secret = secretKey() } = this.#options;
    this.#keys = [secret].flat().map(keyOf);
  }

  get maxAgeSeconds(): number {
    return this.#options.maxAgeSeconds ?? MONTH;
  }

  /** The value; undefined where there is none, or one that we did not make, or not lately. */
  get(request: GatewayRequest, name: string): string | undefined {
    return this.open(request, name)?.value;
  }

  /** With when it was made, in milliseconds since the epoch. */
  open(
    request: GatewayRequest,
    name: string,
  ): { value: string; madeAt: number } | undefined {
    const [, value, time, signature] =
      /^([\w-]*)\.([0-9a-z]{1,11})\.([\w-]{43})$/.exec(
        request.cookies[name] ?? "",
      ) ?? [];
    if (value === undefined) return undefined;
    const signed = `${name}.${value}.${time}`;
    const isOurs = this.#keys
      .map((key) => isSignature(signature!, sign(key, signed)))
      .includes(true);
    const madeAt = parseInt(time!, 36);
    const ageMs = Date.now() - madeAt;
    if (!isOurs || ageMs > this.maxAgeSeconds * 1000) return undefined;
    return { value: Buffer.from(value, "base64url").toString(), madeAt };
  }

  /**
   * A `set-cookie` for the reply.
   *
   * @throws {UsageError} for a name that is none, and for more than a browser keeps: 4096 bytes.
   */
  set(request: GatewayRequest, name: string, value: string): string {
    const text = Buffer.from(value).toString("base64url");
    const signed = `${text}.${Date.now().toString(36)}`;
    const signature = sign(this.#keys[0]!, `${name}.${signed}`);
    const cookie = serializedOf(
      name,
      `${signed}.${signature.toString("base64url")}`,
      { ...this.#attributes(request), maxAge: this.maxAgeSeconds },
    );
    if (cookie.length > MAX_BYTES)
      throw new UsageError(
        `the cookie "${name}" takes ${cookie.length} bytes, and browsers keep ${MAX_BYTES}`,
      );
    return cookie;
  }

  /** A `set-cookie` that takes it away. */
  clear(request: GatewayRequest, name: string): string {
    return serializedOf(name, "", { ...this.#attributes(request), maxAge: 0 });
  }

  #attributes(request: GatewayRequest): SerializeOptions {
    const { path = "/", domain, sameSite = "lax", secure } = this.#options;
    return {
      path,
      sameSite,
      httpOnly: true,
      secure: secure ?? (sameSite === "none" || request.scheme === "https"),
      ...(domain === undefined ? {} : { domain }),
    };
  }
}

function serializedOf(
  name: string,
  value: string,
  options: SerializeOptions,
): string {
  try {
    return serialize(name, value, options);
  } catch (cause) {
    throw new UsageError(`"${name}" cannot be a cookie`, { cause });
  }
}

/** For this purpose alone: what else the secret signs is no cookie. */
const keyOf = (secret: string): Buffer =>
  createHmac("sha256", secret).update("eddy signed cookie").digest();

const sign = (key: Buffer, text: string): Buffer =>
  createHmac("sha256", key).update(text).digest();

function isSignature(given: string, right: Buffer): boolean {
  const bytes = Buffer.from(given, "base64url");
  return bytes.length === right.length && timingSafeEqual(bytes, right);
}
