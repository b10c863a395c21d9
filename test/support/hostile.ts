/** What an application may throw, each of which makes trouble for who looks at it. */
import { HttpError } from "../../lib/index.ts";

const refuse = (): never => {
  throw new Error("do not look");
};

/** Every way to look at it throws. */
function proxyOf(target: object): object {
  const traps = Object.getOwnPropertyNames(Reflect).map((trap) => [
    trap,
    refuse,
  ]);
  return new Proxy(target, Object.fromEntries(traps) as object);
}

const withGetter = (error: Error, key: string): Error =>
  Object.defineProperty(error, key, { get: refuse, enumerable: true });

class Unanswerable extends HttpError {
  override get headers(): never {
    return refuse();
  }
}

class Nameless extends HttpError {
  override get clientMessage(): never {
    return refuse();
  }
}

/** By what each is; made anew each time, with this text in it where there is room for one. */
export const HOSTILE: Readonly<Record<string, (text: string) => unknown>> = {
  "a frozen error": (text) => Object.freeze(new Error(text)),
  "a sealed error": (text) => Object.seal(new TypeError(text)),
  "a frozen error of the gateway's": (text) =>
    Object.freeze(new HttpError(500, text)),
  "an error with a frozen cause": (text) =>
    new Error(text, { cause: Object.freeze(new Error("cause")) }),
  "an error whose message throws": (text) =>
    withGetter(new Error(text), "message"),
  "an error whose stack throws": (text) => withGetter(new Error(text), "stack"),
  "an error whose cause throws": (text) =>
    withGetter(new HttpError(500, text), "cause"),
  "an error one of whose fields throws": (text) =>
    withGetter(new Error(text), "detail"),
  "an error that leads to itself": (text) => {
    const error: Error & { of?: unknown } = new Error(text);
    error.of = { error };
    error.cause = error;
    return error;
  },
  "an error whose JSON throws": (text) =>
    Object.assign(new Error(text), { detail: { toJSON: refuse } }),
  "an error of the gateway's without headers": (text) =>
    new Unanswerable(500, text),
  "an error of the gateway's without a message": (text) =>
    new Nameless(500, text),
  "a Proxy of an error": (text) => proxyOf(new Error(text)),
  "a Proxy of a function": () => proxyOf(() => {}),
  "an object without a prototype": () => Object.create(null) as object,
  "an object whose text throws": () => ({ toString: refuse }),
  "a symbol": (text) => Symbol(text),
  "a function": () => refuse,
  nothing: () => undefined,
  null: () => null,
};
