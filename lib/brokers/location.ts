/** Where a broker is, as a URL says it. */
import { UsageError } from "../common/errors.ts";

export interface Location {
  /** All of them are one broker; with what stands in front of `@`. */
  readonly urls: readonly URL[];
  /** Without secrets. */
  readonly name: string;
}

/** Schemes, with the port that each means. */
type Schemes = Readonly<Record<string, number>>;

export const NATS: Schemes = { "nats:": 4222, "tls:": 4222 };
export const REDIS: Schemes = { "redis:": 6379, "rediss:": 6379 };

/**
 * @param whose - what takes the URL, such as `"nats()"`.
 * @throws {UsageError} which does not show it, because of its secrets.
 */
export function locate(
  whose: string,
  given: string | readonly string[],
  schemes: Schemes,
): Location {
  const texts = typeof given === "string" ? given.split(",") : given;
  const urls = Array.isArray(texts)
    ? texts.map((text) => parse(text, schemes))
    : [];
  if (urls.length === 0 || urls.includes(undefined))
    throw new UsageError(
      `${whose} takes a URL such as "${Object.keys(schemes)[0]}//127.0.0.1:${Object.values(schemes)[0]}"`,
    );
  const name = `${whose.replace("()", "")} at ${urls.map((url) => url!.host).join(", ")}`;
  return { urls: urls as URL[], name };
}

/** Whether `brokerAt` takes it: asked of settings, without a broker being loaded. */
export function isBrokerUrl(url: string): boolean {
  if (url === "") return true;
  const [scheme = ""] = /^\w+:/.exec(url) ?? [];
  const [texts, schemes] =
    scheme in NATS ? [url.split(","), NATS] : [[url], REDIS];
  return texts.every((text) => parse(text, schemes) !== undefined);
}

function parse(text: unknown, schemes: Schemes): URL | undefined {
  if (typeof text !== "string" || !URL.canParse(text.trim())) return undefined;
  const url = new URL(text.trim());
  const port = schemes[url.protocol];
  if (port === undefined || url.hostname === "") return undefined;
  url.port ||= String(port);
  return url;
}

/** As it may be shown: with a mark in place of user, password and query. */
export function withoutSecrets(given: string): string {
  return given
    .split(",")
    .map((text) =>
      text
        .replace(/^(\s*\w+:\/\/)(?:.*@)?/s, (all, scheme: string) =>
          all.endsWith("@") ? `${scheme}[redacted]@` : all,
        )
        .replace(/\?.*$/s, "?[redacted]"),
    )
    .join(",");
}
