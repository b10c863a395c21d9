/** The environ of one request (PEP 3333, "environ Variables"; RFC 3875, section 4.1 for the CGI ones). */
import { inspect } from "node:util";
import {
  addHeaders,
  CERTIFICATE_VARIABLES,
  CGI_VARIABLES,
  type CgiRequest,
} from "../common/cgi.ts";
import type { GatewayRequest } from "../../lib/adapter.ts";
import type { Environ, ErrorStream, InputStream } from "./types.ts";

const VERSION = Object.freeze([1, 0] as const);

/** The parts of a request that an environ is made from. */
export type EnvironHead = CgiRequest & Pick<GatewayRequest, "deadline">;

/** A request, on the loop or in a thread. */
export type CalledRequest = EnvironHead & {
  readonly log: Pick<GatewayRequest["log"], "warn" | "error">;
};

/** What an environ is made from. */
interface EnvironParts {
  readonly request: CalledRequest;
  readonly input: InputStream;
  readonly errors: ErrorStream;
  /** Equivalent applications run at the same time, each with objects of its own. */
  readonly multiprocess: boolean;
}

/**
 * An environ that behaves as a plain object, but whose variables are made when somebody looks: most requests are
 * answered from a few of them. Whoever copies or lists it gets everything.
 */
export function createEnviron(parts: EnvironParts): Environ {
  return new Proxy(new Variables(parts), LOOK_UP) as unknown as Environ;
}

/** What the proxy stands for: the variables that there are so far. */
class Variables {
  [name: string]: unknown;
  readonly #parts: EnvironParts;
  /**
   * `fresh`: single variables may have been made. `headed`: so are those of the headers. `complete`: all are made, and
   * from now on the application may change them.
   */
  #state: "fresh" | "headed" | "complete" = "fresh";

  constructor(parts: EnvironParts) {
    this.#parts = parts;
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
    const value = make(of.#parts);
    if (value !== undefined) of[name] = value;
  }

  static #addHeaders(of: Variables): void {
    if (of.#state !== "fresh") return;
    of.#state = "headed";
    addHeaders(of, of.#parts.request.headers.raw);
  }
}

type Make = (parts: EnvironParts) => unknown;

/** Every variable that does not come from a header. */
const MAKE: Readonly<Record<string, Make | undefined>> = {
  __proto__: null as never,
  ...Object.fromEntries(
    Object.entries(CGI_VARIABLES).map(([name, make]): [string, Make] => [
      name,
      ({ request }) => make(request),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(CERTIFICATE_VARIABLES).map(
      ([name, make]): [string, Make] => [
        name,
        ({ request: { peerCertificate: it } }) => it && make(it),
      ],
    ),
  ),
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
