/** Cross-origin requests of browsers, as the Fetch standard has them. */
import {
  AMOUNT,
  checkOptions,
  SWITCH,
  type Rule,
} from "../common/checked-options.ts";
import { TOKEN } from "../common/fields.ts";
import { UsageError } from "../common/errors.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { Middleware } from "./compose.ts";
import { EditableHeaders } from "./editable-reply.ts";
import { addToErrors } from "./errors.ts";

export interface CorsOptions {
  /**
   * Whose pages may read replies: origins such as `https://example.org`, `"*"` for all of them, or a function that
   * decides.
   *
   * @default none
   */
  origins?:
    | "*"
    | readonly string[]
    | ((origin: string, request: GatewayRequest) => boolean);
  /** Methods beyond GET, HEAD and POST that those pages may use. @default none */
  methods?: readonly string[];
  /** Request fields beyond the harmless ones, such as `content-type` for JSON. @default none */
  headers?: readonly string[];
  /** Reply fields that scripts may read beyond the harmless ones. @default none */
  exposed?: readonly string[];
  /** With cookies and the like; not with `"*"`. @default false */
  credentials?: boolean;
  /**
   * How long, in seconds, browsers keep the answer to a preflight. @default 600, above which some go to their own limit
   */
  maxAgeSeconds?: number;
}

const TOKENS: Rule = [
  (value) =>
    Array.isArray(value) && value.every((it) => TOKEN.test(String(it))),
  "an array of names",
];

const RULES: Record<string, Rule> = {
  origins: [
    (value) =>
      value === "*" ||
      typeof value === "function" ||
      (Array.isArray(value) && value.every(isOrigin)),
    '"*", a function, or an array of origins such as "https://example.org"',
  ],
  methods: TOKENS,
  headers: TOKENS,
  exposed: TOKENS,
  credentials: SWITCH,
  maxAgeSeconds: AMOUNT,
};

function isOrigin(value: unknown): boolean {
  return URL.canParse(String(value)) && new URL(String(value)).origin === value;
}

/**
 * Lets pages of other origins in: those that are named, and nobody by default. Preflights are answered here, with 204;
 * all other requests go on, as CORS only decides who may read the reply: it guards nothing that `cookies` with
 * `SameSite` or a token do not guard. Errors have the fields, too, so that scripts can read them.
 *
 * @throws {UsageError} for an option that does not exist or has a bad value; for `"*"` with `credentials`.
 *
 * @example
 * ```ts
 * import { json, Loop } from "eddy";
 * import { cors } from "eddy/middleware";
 *
 * await new Loop()
 *   .use("/api", cors({ origins: ["https://app.example.org"], methods: ["PUT"], headers: ["content-type"] }))
 *   .put("/api/name", async (request) => json(await request.json()))
 *   .listen(8000);
 * ```
 */
export function cors(options: CorsOptions = {}): Middleware {
  const its = checkOptions(options, RULES, "cors()");
  const { origins = [], credentials = false } = its;
  if (credentials && origins === "*")
    throw new UsageError(
      'cors() takes no credentials with origins: "*": name the origins that may act for the user',
    );
  const preflightFields = fieldsForPreflight(its);
  const isAllowed = allowing(origins);
  return (request, next) => {
    const origin = request.headers.get("origin");
    const preflight = isPreflight(request);
    const fields = new EditableHeaders(undefined);
    if (origins !== "*") fields.append("vary", "origin");
    if (origin !== undefined && isAllowed(origin, request)) {
      fields.append(
        "access-control-allow-origin",
        origins === "*" ? "*" : origin,
      );
      if (credentials)
        fields.append("access-control-allow-credentials", "true");
      if (preflight)
        for (const [name, value] of preflightFields) fields.append(name, value);
      else if (its.exposed?.length)
        fields.append("access-control-expose-headers", its.exposed.join(", "));
    }
    if (preflight) return { status: 204, headers: fields };
    addToErrors(request, fields);
    return next().change(({ headers }) => {
      for (const [name, value] of fields)
        if (name === "vary") headers.vary(value);
        else headers.set(name, value);
    });
  };
}

/** Of the Fetch standard, "CORS-preflight request". */
const isPreflight = ({ method, headers }: GatewayRequest): boolean =>
  method === "OPTIONS" &&
  headers.has("origin") &&
  headers.has("access-control-request-method");

function allowing(
  origins: NonNullable<CorsOptions["origins"]>,
): (origin: string, request: GatewayRequest) => boolean {
  if (origins === "*") return () => true;
  if (typeof origins === "function") return origins;
  const known = new Set(origins);
  return (origin) => known.has(origin);
}

function fieldsForPreflight({
  methods = [],
  headers = [],
  maxAgeSeconds = 600,
}: CorsOptions): [string, string][] {
  const fields: [string, string][] = [
    ["access-control-max-age", String(maxAgeSeconds)],
  ];
  if (methods.length > 0)
    fields.push(["access-control-allow-methods", methods.join(", ")]);
  if (headers.length > 0)
    fields.push(["access-control-allow-headers", headers.join(", ")]);
  return fields;
}
