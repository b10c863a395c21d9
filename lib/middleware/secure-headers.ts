/** Header fields by which browsers protect a site's visitors. */
import { UsageError } from "../common/errors.ts";
import { CheckedHeaders } from "../reply/headers.ts";
import type { Middleware } from "./compose.ts";
import { addToErrors } from "./errors.ts";

/**
 * What is said where the application says nothing, as OWASP's cheat sheet on HTTP headers has it. The policies are
 * those of a site that needs nothing of others.
 */
const DEFAULTS = {
  "content-security-policy":
    "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; object-src 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "strict-origin-when-cross-origin",
  /** Over HTTPS only: elsewhere it means nothing (RFC 6797, section 7.2). */
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-frame-options": "SAMEORIGIN",
} as const;

/** By name, in lower case: another value, or `false` for none. */
export type SecureHeadersOptions = {
  readonly [Name in keyof typeof DEFAULTS | "permissions-policy"]?:
    string | false;
};

const OVER_HTTPS = "strict-transport-security";

/**
 * Adds fields that make browsers stricter, where the application has not set them itself; to errors, too.
 *
 * @throws {UsageError} for a field that is none of these.
 * @throws {InvalidReplyError} for a value that no field can have.
 *
 * @example
 * ```ts
 * import { html, Loop } from "eddy";
 * import { secureHeaders } from "eddy/middleware";
 *
 * await new Loop()
 *   .use(secureHeaders({ "content-security-policy": "default-src 'self'; img-src *", "x-frame-options": false }))
 *   .mount(() => html("<h1>Hello</h1>"))
 *   .listen(8000);
 * ```
 */
export function secureHeaders(options: SecureHeadersOptions = {}): Middleware {
  const names = [...Object.keys(DEFAULTS), "permissions-policy"];
  for (const [name, value] of Object.entries(options))
    if (
      !names.includes(name) ||
      !(typeof value === "string" || value === false || value === undefined)
    )
      throw new UsageError(
        `secureHeaders() takes a text, or false, for ${names.join(", ")}; not "${name}": ${String(value)}`,
      );
  const fields = Object.entries({ ...DEFAULTS, ...options }).filter(
    (field): field is [string, string] => typeof field[1] === "string",
  );
  const overHttps = new CheckedHeaders(fields);
  const overHttp = new CheckedHeaders(
    fields.filter(([name]) => name !== OVER_HTTPS),
  );
  return (request, next) => {
    const its = request.scheme === "https" ? overHttps : overHttp;
    addToErrors(request, its);
    return next().change(({ headers }) => {
      for (const [name, value] of its)
        if (!headers.has(name)) headers.append(name, value);
    });
  };
}
