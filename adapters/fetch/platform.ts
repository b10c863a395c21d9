/** Node's own classes, as they are before anybody replaces the global ones; and whether they can read look-alikes. */

export const NativeRequest = globalThis.Request;
export const NativeResponse = globalThis.Response;
export const NativeHeaders = globalThis.Headers;
export const nativeFetch = globalThis.fetch;

/**
 * Node.js 20 and 22 keep what a request is made of under symbols, which a look-alike can forward to a real one. Later
 * versions keep it in private fields, which nobody can.
 */
export const READS_LOOKALIKES =
  Object.getOwnPropertySymbols(new NativeRequest("http://localhost/")).length >
  0;

/** An object that stands for one of Node's own, and makes it when there is no other way. */
export interface StandIn<T> {
  readonly native: T;
}

/** Makes `prototype` one of `base`, with `names` and what Node keeps under symbols taken from the real object. */
export function standsFor<T extends object>(
  prototype: StandIn<T>,
  base: { readonly prototype: T },
  real: T,
  names: readonly (keyof T)[],
): void {
  for (const name of [...names, ...Object.getOwnPropertySymbols(real)])
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: StandIn<T>): unknown {
        const value: unknown = this.native[name as keyof T];
        return typeof value === "function" ? value.bind(this.native) : value;
      },
    });
  Object.setPrototypeOf(prototype, base.prototype);
}
