/** The URL of a request, as the platform's parser would write it, mostly without asking that parser. */
import { BadRequestError, type GatewayRequest } from "../../lib/adapter.ts";

/** What the parser would change in a path: dot segments, and characters that it encodes or takes for something else. */
const UNUSUAL_PATH = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)|[^!$-;=?-[\]_a-z|~]/i;
/** In a query it encodes fewer. */
const UNUSUAL_QUERY = /[^!$-&(-;=?-~]/;

/** Makes URLs of requests. Remembers the last origin, as nearly all requests have the same. */
export class Urls {
  #scheme = "";
  #host = "";
  #origin = "";

  /**
   * The whole URL, with the mount.
   *
   * @throws {BadRequestError} when the host is none of a URL, or the path leaves the mount once it is resolved
   *   (`/api/../admin`): the router has found the application by the path as it was sent.
   */
  of(request: GatewayRequest): string {
    const { path, mountPath, queryString } = request;
    const whole = mountPath + path || "/";
    const origin = this.#originOf(request.scheme, request.host);
    const url =
      queryString === "" ? origin + whole : `${origin}${whole}?${queryString}`;
    const isUsual =
      !UNUSUAL_PATH.test(whole) &&
      (queryString === "" || !UNUSUAL_QUERY.test(queryString));
    return isUsual ? url : resolved(url, mountPath);
  }

  #originOf(scheme: string, host: string): string {
    if (host !== this.#host || scheme !== this.#scheme) {
      this.#origin = parse(`${scheme}://${host || "localhost"}`).origin;
      this.#host = host;
      this.#scheme = scheme;
    }
    return this.#origin;
  }
}

function resolved(url: string, mountPath: string): string {
  const { href, pathname } = parse(url);
  if (!`${pathname}/`.startsWith(`${mountPath}/`))
    throw new BadRequestError("the path leads out of where it was found");
  return href;
}

function parse(url: string): URL {
  try {
    return new URL(url);
  } catch (cause) {
    throw new BadRequestError("the host is not one of a URL", { cause });
  }
}
