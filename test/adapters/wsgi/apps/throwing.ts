/** Throws what is hard to look at: the path says when, the query says what. */
import { inspect } from "node:util";
import { threadId } from "node:worker_threads";
import type { WsgiApp } from "../../../../adapters/wsgi/types.ts";
import { HttpError } from "../../../../lib/common/errors.ts";

const fail = (): never => {
  throw new Error("of the trap");
};

/** An error with a property that throws when it is read. */
const withTrap = (name: string): Error =>
  Object.defineProperty(new Error("on purpose"), name, { get: fail });

const everyTrap = new Proxy<ProxyHandler<Error>>(
  {},
  { get: () => fail },
) as ProxyHandler<Error>;

export const THROWN: Readonly<Record<string, () => unknown>> = {
  frozen: () => Object.freeze(new Error("on purpose")),
  sealed: () => Object.seal(new Error("on purpose")),
  "frozen TypeError": () => Object.freeze(new TypeError("on purpose")),
  ...Object.fromEntries(
    ["name", "message", "stack", "cause", "code", "constructor"].map((name) => [
      `with a ${name} that throws`,
      () => withTrap(name),
    ]),
  ),
  "with a message that is a function": () =>
    Object.assign(new Error(), { message: fail }),
  "with a stack that is a symbol": () =>
    Object.assign(new Error("on purpose"), { stack: Symbol("x") }),
  "with a cause that throws": () =>
    new Error("on purpose", { cause: withTrap("message") }),
  "that is its own cause": () => {
    const error = new Error("on purpose");
    error.cause = error;
    return error;
  },
  "an HttpError with headers that cannot cross": () =>
    new HttpError(418, "on purpose", { headers: { "x-a": fail as never } }),
  "a Proxy of an error": () => new Proxy(new Error("on purpose"), {}),
  "a Proxy whose traps all throw": () =>
    new Proxy(new Error("on purpose"), everyTrap),
  "a revoked Proxy": () => {
    const { proxy, revoke } = Proxy.revocable(new Error("on purpose"), {});
    revoke();
    return proxy;
  },
  "an object that cannot be shown": () => ({ [inspect.custom]: fail }),
  "an object without a prototype": () => Object.create(null) as unknown,
  null: () => null,
  undefined: () => undefined,
  "a symbol": () => Symbol("on purpose"),
  "a function": () => fail,
};

export const app: WsgiApp = (environ, start) => {
  const make = THROWN[decodeURIComponent(environ.QUERY_STRING)];
  const { log } = environ["eddy.request"];
  switch (environ.PATH_INFO) {
    case "/at-once":
      throw make!();
    case "/late":
      start("200 OK", [["content-type", "text/plain"]]);
      return late(make!);
    case "/closing":
      start("200 OK", [["content-type", "text/plain"]]);
      return closing(make!);
    case "/logged":
      log.error({ err: make!(), more: 1 }, "a field");
      log.error(make!() as object, "by itself");
      log.error("text", make!() as undefined);
      break;
    case "/timer":
      setTimeout(() => {
        throw make!();
      });
  }
  start("200 OK", [["content-type", "text/plain"]]);
  return [String(threadId)];
};

function* late(make: () => unknown): Generator<string> {
  yield "begun";
  throw make();
}

function closing(make: () => unknown) {
  return Object.assign(["a", "b"], {
    close() {
      throw make();
    },
  });
}
