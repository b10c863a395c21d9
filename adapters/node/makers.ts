/**
 * What makes the request and the response of an application: real ones of Node's, with the application's prototypes.
 */
import { IncomingMessage, ServerResponse } from "node:http";
import type { Incoming, Outgoing } from "./insides.ts";
import type { StandIn } from "./stand-in.ts";

export interface Makers {
  readonly Request: new (socket: StandIn) => Incoming;
  readonly Response: new (req: Incoming) => Outgoing;
}

/**
 * Express puts prototypes of its own over those of each request and response: `app.request`, `app.response`. To change
 * the prototype of an object takes microseconds, and before Node 24 makes it one of a kind, slow for all that looks at
 * it from then on. An object that is made with that prototype has nothing to change.
 */
export function makersFor(app: unknown): Makers {
  const { request, response } = Object(app) as Prototypes;
  const isExpress =
    isUnder(request, IncomingMessage) && isUnder(response, ServerResponse);
  return {
    Request: maker(IncomingMessage, isExpress ? request : undefined),
    Response: maker(ServerResponse, isExpress ? response : undefined),
  } as unknown as Makers;
}

interface Prototypes {
  readonly request?: unknown;
  readonly response?: unknown;
}

/** These classes of Node's are functions, which can be called. */
type Initializer = (this: object, argument: unknown) => void;

type Class = typeof IncomingMessage | typeof ServerResponse;

function isUnder(object: unknown, { prototype }: Class): boolean {
  return Object.prototype.isPrototypeOf.call(prototype, Object(object));
}

/**
 * A class of Node's with another prototype. That of a `class` cannot be chosen, so it is a function; it inherits from
 * the class as one would, because V8 looks along that line for how many properties the object is going to have, and one
 * that outgrows its room is slow.
 */
function maker(base: Class, prototype: unknown = base.prototype): object {
  function Made(this: object, argument: unknown): void {
    (base as unknown as Initializer).call(this, argument);
  }
  Object.setPrototypeOf(Made, base);
  Made.prototype = prototype;
  return Made;
}
