/** The environ of one request (PEP 3333, "environ Variables"; RFC 3875, section 4.1 for the CGI ones). */
import { inspect } from "node:util";
import type { GatewayRequest } from "../../lib/adapter.ts";
import type { Environ, ErrorStream, InputStream } from "./types.ts";

const VERSION = Object.freeze([1, 0] as const);

/** What of a request an application is told. */
export type Head = Pick<
  GatewayRequest,
  | "method"
  | "mountPath"
  | "path"
  | "queryString"
  | "remoteAddress"
  | "scheme"
  | "host"
  | "deadline"
  | "headers"
>;

/** A request, on the loop or in a thread. */
export type CalledRequest = Head & {
  readonly log: Pick<GatewayRequest["log"], "warn" | "error">;
};

/** What an environ is made from. */
export interface Call {
  readonly request: CalledRequest;
  readonly input: InputStream;
  readonly errors: ErrorStream;
  /** Equivalent applications run at the same time, each with objects of its own. */
  readonly multiprocess: boolean;
}

/**
 * An environ that behaves as a plain object, but whose variables are made when somebody looks: most requests are
 * answered from a few of them, and making all costs half of a hello. Whoever copies or lists it gets everything.
 */
export function createEnviron(call: Call): Environ {
  return new Proxy(new Variables(call), LOOK_UP) as unknown as Environ;
}

/** What the proxy stands for: the variables that there are so far. */
class Variables {
  [name: string]: unknown;
  readonly #call: Call;
  /** `fresh`: some are made. `headed`: those of the headers, too. `complete`: all, and from now on they are the application's to change. */
  #state: "fresh" | "headed" | "complete" = "fresh";

  constructor(call: Call) {
    this.#call = call;
  }

  static {
    // `console.log` looks past a proxy, at the prototype; everybody else is told that it is Object's.
    Object.defineProperties(this.prototype, {
      constructor: { value: Object, writable: true },
      [inspect.custom]: {
        writable: true,
        value(this: Environ) {
          return { ...this };
        },
      },
    });
  }

  static get(this: void, of: Variables, name: string): unknown {
    if (name in of || of.#state === "complete") return of[name];
    const make = MAKE[name];
    if (make !== undefined) Variables.#add(of, name, make);
    else Variables.#addHeaders(of);
    return of[name];
  }

  static complete(this: void, of: Variables): Variables {
    if (of.#state === "complete") return of;
    for (const [name, make] of Object.entries(MAKE))
      if (!Object.hasOwn(of, name)) Variables.#add(of, name, make!);
    Variables.#addHeaders(of);
    of.#state = "complete";
    return of;
  }

  static #add(of: Variables, name: string, make: Make): void {
    const value = make(of.#call);
    if (value !== undefined) of[name] = value;
  }

  static #addHeaders(of: Variables): void {
    if (of.#state !== "fresh") return;
    of.#state = "headed";
    addHeaders(of, of.#call.request.headers.raw);
  }
}

type Make = (call: Call) => unknown;

/** Every variable that does not come from a header. PEP 3333: SERVER_NAME and SERVER_PORT are never empty. */
const MAKE: Readonly<Record<string, Make | undefined>> = {
  __proto__: null as never,
  REQUEST_METHOD: ({ request }) => request.method,
  SCRIPT_NAME: ({ request }) => decodePath(request.mountPath),
  PATH_INFO: ({ request }) => decodePath(request.path),
  QUERY_STRING: ({ request }) => toNative(request.queryString),
  SERVER_PROTOCOL: () => "HTTP/1.1", // the engine speaks no other
  SERVER_NAME: ({ request }) => hostOf(request)[0] || "localhost",
  SERVER_PORT: ({ request }) =>
    hostOf(request)[1] || (request.scheme === "https" ? "443" : "80"),
  REMOTE_ADDR: ({ request }) => request.remoteAddress,
  "wsgi.version": () => VERSION,
  "wsgi.url_scheme": ({ request }) => request.scheme,
  "wsgi.input": ({ input }) => input,
  "wsgi.errors": ({ errors }) => errors,
  "wsgi.multithread": () => false, // no two threads of JavaScript have an object in common
  "wsgi.multiprocess": ({ multiprocess }) => multiprocess,
  "wsgi.run_once": () => false,
  "wsgi.input_terminated": () => true,
  "eddy.deadline": ({ request }) => request.deadline,
  "eddy.request": ({ request }) => request,
};

const { get, complete } = Variables;

const LOOK_UP: ProxyHandler<Variables> = {
  get,
  has: (target, name) => name in target || name in complete(target),
  set: (target, name, value, receiver) =>
    Reflect.set(complete(target), name, value, receiver),
  deleteProperty: (target, name) =>
    Reflect.deleteProperty(complete(target), name),
  defineProperty: (target, name, descriptor) =>
    Reflect.defineProperty(complete(target), name, descriptor),
  getOwnPropertyDescriptor: (target, name) =>
    Reflect.getOwnPropertyDescriptor(complete(target), name),
  ownKeys: (target) => Reflect.ownKeys(complete(target)),
  getPrototypeOf: () => Object.prototype,
  preventExtensions(target) {
    Object.setPrototypeOf(complete(target), Object.prototype); // from now on the language holds us to the real one
    return Reflect.preventExtensions(target);
  },
};

/** `Content-Type` and `Content-Length` have names of their own; repeated fields are joined, cookies by a semicolon. */
function addHeaders(
  variables: Record<string, unknown>,
  raw: readonly string[],
): void {
  for (let i = 0; i < raw.length; i += 2) {
    const [name, value] = [raw[i]!, toNative(raw[i + 1]!)];
    if (name.includes("_")) continue; // "x_user" would pass for "x-user", which a proxy in front may have checked
    const key = cgiName(name);
    const before = variables[key];
    variables[key] =
      before === undefined
        ? value
        : `${before as string}${key === "HTTP_COOKIE" ? "; " : ","}${value}`;
  }
}

function cgiName(name: string): string {
  const key = name.toUpperCase().replaceAll("-", "_");
  return key === "CONTENT_TYPE" || key === "CONTENT_LENGTH"
    ? key
    : `HTTP_${key}`;
}

/** Percent-decoded. The gateway has refused malformed escapes. */
function decodePath(path: string): string {
  if (UNESCAPED.test(path)) return path;
  return toNative(path).replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** PEP 3333, "A Note On String Types": a character for each byte. The engine has taken the bytes for UTF-8. */
function toNative(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text).toString("latin1");
}

/** ASCII, and no percent sign. */
// oxlint-disable-next-line no-control-regex
const UNESCAPED = /^[\x00-\x24\x26-\x7f]*$/;

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/** `example.org:8000`, `[::1]:8000`. */
function hostOf({ host }: Head): [name: string, port: string] {
  const colon = host.lastIndexOf(":");
  return colon > host.lastIndexOf("]")
    ? [host.slice(0, colon), host.slice(colon + 1)]
    : [host, ""];
}
