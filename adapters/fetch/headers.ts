/** The header fields of a request as a `Headers`, which most applications ask for one or two of them. */
import { inspect, type InspectOptions } from "node:util";
import { TOKEN, type RequestHeaders } from "../../lib/adapter.ts";
import { NativeHeaders, standsFor, type StandIn } from "./platform.ts";

/**
 * Reads from the request until somebody lists or changes them: a real `Headers` is made then, and used from then on.
 */
export class LightHeaders implements StandIn<Headers> {
  readonly #of: RequestHeaders;
  #native: Headers | undefined;

  constructor(of: RequestHeaders) {
    this.#of = of;
  }

  get native(): Headers {
    return (this.#native ??= new NativeHeaders([...this.#of]));
  }

  get(name: string): string | null {
    if (this.#native !== undefined || !TOKEN.test(name))
      return this.native.get(name); // which throws for what is no name
    return this.#of.get(name) ?? null;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  forEach(
    each: (value: string, name: string, all: Headers) => void,
    self?: unknown,
  ): void {
    for (const [name, value] of this.native)
      each.call(self, value, name, this as unknown as Headers);
  }

  [Symbol.iterator](): HeadersIterator<[string, string]> {
    return this.native.entries();
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return inspect(this.native, options);
  }
}

standsFor(LightHeaders.prototype, NativeHeaders, new NativeHeaders(), [
  "append",
  "delete",
  "set",
  "getSetCookie",
  "keys",
  "values",
  "entries",
]);
Object.defineProperty(LightHeaders, "name", { value: "Headers" });
