/** Entity tags, and 304 for clients that have the reply already. */
import { createHash } from "node:crypto";
import { httpTime, isListed } from "../common/conditions.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { Middleware } from "./compose.ts";
import type { EditableReply } from "./editable-reply.ts";

/**
 * Gives replies that are texts or bytes, to GET and HEAD with status 200, an `etag` of their contents where they have
 * none. Whoever has a reply by that tag (`if-none-match`), or since `last-modified` (`if-modified-since`), gets 304
 * without a body (RFC 9110, section 13). The application still makes the reply: what is saved is its way.
 *
 * @example
 * ```ts
 * import { json, Loop } from "eddy";
 * import { etag } from "eddy/middleware";
 *
 * await new Loop().use(etag()).get("/news", () => json(["nothing"])).listen(8000);
 * ```
 */
export function etag(): Middleware {
  return (request, next) =>
    request.method === "GET" || request.method === "HEAD"
      ? next().change((reply) => {
          if (reply.status !== 200) return undefined;
          tag(reply);
          return isFresh(request, reply) ? notModified(reply) : undefined;
        })
      : next();
}

/** A client that leaves the body away for HEAD has none to tell. */
function tag({ headers, body }: EditableReply): void {
  if (headers.has("etag") || isNotKept(headers.get("cache-control"))) return;
  if (typeof body === "string" || body instanceof Uint8Array)
    headers.set("etag", `"${hashOf(body)}"`);
}

/** For telling versions apart, not against forgers: the body is the application's own. */
const hashOf = (body: string | Uint8Array): string =>
  createHash("sha1").update(body).digest("base64url");

const isNotKept = (cacheControl = ""): boolean =>
  /\bno-store\b/i.test(cacheControl);

/** RFC 9110, section 13.2.2: a tag is asked about first, and alone. */
function isFresh(request: GatewayRequest, { headers }: EditableReply): boolean {
  const tags = request.headers.get("if-none-match");
  if (tags !== undefined) {
    return isListed(tags, headers.get("etag") ?? ""); // of no tag: `*` alone
  }
  const since = httpTime(request.headers.get("if-modified-since"), NaN);
  return httpTime(headers.get("last-modified"), NaN) <= since; // never of what is no date
}

/** Section 15.4.5: what describes the body goes with it; the gateway sends no body with a 304, and ends what is one. */
function notModified(reply: EditableReply): EditableReply {
  const { headers } = reply;
  for (const [name] of headers)
    if (/^content-(?!location|security)/i.test(name)) headers.delete(name);
  reply.status = 304;
  return reply;
}
