/** Sees each error of the gateway that is made, at the constructor that they inherit from. */
import { GatewayError } from "../../lib/common/errors.ts";
import { afterTest } from "./hooks.ts";

/** The codes of those that are made from now on, until the test is over; `see` is given each. */
export function madeErrors(see: (error: Error) => void = () => {}): string[] {
  const codes: string[] = [];
  class Seen extends Error {
    constructor(...values: [message?: string, options?: ErrorOptions]) {
      super(...values);
      see(this);
      queueMicrotask(() => codes.push(this.code)); // it is set once this returns
    }
    declare readonly code: string;
  }
  Object.setPrototypeOf(GatewayError, Seen);
  afterTest(() => Object.setPrototypeOf(GatewayError, Error));
  return codes;
}
