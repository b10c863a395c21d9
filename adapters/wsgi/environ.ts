/** The environ of one request (PEP 3333, "environ Variables"; RFC 3875, section 4.1 for the CGI ones). */
import { inspect } from "node:util";
import type { GatewayRequest } from "../../lib/adapter.ts";
import { BytesInput } from "./input.ts";
import { LogErrors } from "./errors.ts";
import type { Environ } from "./types.ts";

const VERSION = Object.freeze([1, 0] as const);

/**
 * An environ that behaves as a plain object, but asks the engine for what costs (the headers, the peer's address) only
 * when somebody looks: crossing from C++ once a header is half of a hello's time with a browser's ten, and most
 * requests are answered from the path alone. Whoever copies or lists it gets everything.
 */
export function createEnviron(
  request: GatewayRequest,
  body: Uint8Array,
): Environ {
  const known: Known = {
    __proto__: PLAIN,
    REQUEST_METHOD: request.method,
    SCRIPT_NAME: decodePath(request.mountPath),
    PATH_INFO: decodePath(request.path),
    QUERY_STRING: toNative(request.queryString),
    SERVER_PROTOCOL: "HTTP/1.1", // the engine speaks no other
    "wsgi.version": VERSION,
    "wsgi.url_scheme": request.scheme,
    "wsgi.input": new BytesInput(body),
    "wsgi.errors": new LogErrors(request),
    "wsgi.multithread": false,
    "wsgi.multiprocess": false,
    "wsgi.run_once": false,
    "wsgi.input_terminated": true,
    "eddy.request": request,
  };
  return new Proxy(known, LOOK_UP) as unknown as Environ;
}

type Known = Record<string, unknown> & { "eddy.request": GatewayRequest };

/** What is looked up one by one. PEP 3333: SERVER_NAME and SERVER_PORT are never empty. */
const SINGLE: Record<
  string,
  ((request: GatewayRequest) => string) | undefined
> = {
  REMOTE_ADDR: (request) => request.remoteAddress,
  SERVER_NAME: (request) => hostOf(request)[0] || "localhost",
  SERVER_PORT: (request) =>
    hostOf(request)[1] || (request.scheme === "https" ? "443" : "80"),
};

const LOOK_UP: ProxyHandler<Known> = {
  get(known, key: string) {
    if (key in known) return known[key];
    const find = completed.has(known) ? undefined : SINGLE[key];
    return find === undefined
      ? withHeaders(known)[key]
      : (known[key] = find(known["eddy.request"]));
  },
  has: (known, key) => key in known || key in complete(known),
  set: (known, key, value, receiver) =>
    Reflect.set(complete(known), key, value, receiver),
  deleteProperty: (known, key) => Reflect.deleteProperty(complete(known), key),
  defineProperty: (known, key, descriptor) =>
    Reflect.defineProperty(complete(known), key, descriptor),
  getOwnPropertyDescriptor: (known, key) =>
    Reflect.getOwnPropertyDescriptor(complete(known), key),
  ownKeys: (known) => Reflect.ownKeys(complete(known)),
  getPrototypeOf: () => Object.prototype,
  preventExtensions(known) {
    Object.setPrototypeOf(complete(known), Object.prototype); // from now on the language holds us to the real one
    return Reflect.preventExtensions(known);
  },
};

/** `console.log` looks past a proxy. */
const PLAIN = Object.create(Object.prototype, {
  [inspect.custom]: {
    value(this: Environ) {
      return { ...this };
    },
  },
}) as object;

const headed = new WeakSet<Known>();
const completed = new WeakSet<Known>();

function complete(known: Known): Known {
  if (completed.has(known)) return known;
  completed.add(known);
  for (const [key, find] of Object.entries(SINGLE))
    known[key] ??= find!(known["eddy.request"]);
  return withHeaders(known);
}

/** `Content-Type` and `Content-Length` have names of their own; repeated fields are joined, cookies by a semicolon. */
function withHeaders(known: Known): Known {
  if (headed.has(known)) return known;
  headed.add(known);
  const { raw } = known["eddy.request"].headers;
  for (let i = 0; i < raw.length; i += 2) {
    const [name, value] = [raw[i]!, toNative(raw[i + 1]!)];
    if (name.includes("_")) continue; // "x_user" would pass for "x-user", which a proxy in front may have checked
    const key = cgiName(name);
    known[key] =
      known[key] === undefined
        ? value
        : `${known[key] as string}${key === "HTTP_COOKIE" ? "; " : ","}${value}`;
  }
  return known;
}

function cgiName(name: string): string {
  const key = name.toUpperCase().replaceAll("-", "_");
  return key === "CONTENT_TYPE" || key === "CONTENT_LENGTH"
    ? key
    : `HTTP_${key}`;
}

/** Percent-decoded. The gateway has refused malformed escapes. */
function decodePath(path: string): string {
  const bytes = toNative(path);
  if (!bytes.includes("%")) return bytes;
  return bytes.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** PEP 3333, "A Note On String Types": a character for each byte. The engine has taken the bytes for UTF-8. */
function toNative(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text).toString("latin1");
}

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/** `example.org:8000`, `[::1]:8000`. */
function hostOf(request: GatewayRequest): [name: string, port: string] {
  const host = request.headers.get("host") ?? "";
  const colon = host.lastIndexOf(":");
  return colon > host.lastIndexOf("]")
    ? [host.slice(0, colon), host.slice(colon + 1)]
    : [host, ""];
}
