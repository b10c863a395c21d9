/**
 * What an operation costs: `kernel.js <port> <flavour> <handler>`. Flavours: "operations" and "effection" are eddy with
 * its operations from "eddy/operations" and from "effection"; "stock" is the engine alone with effection's own tasks.
 */
import { host, port, ready } from "./report.js";

const TEXT = "Hello, World!";
const [flavour, name] = process.argv.slice(3);
const library = await import(
  flavour === "operations" ? "eddy/operations" : "effection"
);
const handler = handlers(library)[name];
await (flavour === "stock" ? serveStock() : serveEddy());
ready();

function handlers({
  all,
  ensure,
  race,
  resource,
  sleep,
  spawn,
  suspend,
  until,
}) {
  function* once() {
    return TEXT;
  }
  function* nothing() {}
  function* held(provide) {
    yield* provide(TEXT);
  }
  return {
    once,
    *until() {
      return yield* until(Promise.resolve(TEXT));
    },
    *untils() {
      for (let i = 0; i < 4; i++) yield* until(Promise.resolve());
      return yield* until(Promise.resolve(TEXT));
    },
    *spawn() {
      const task = yield* spawn(once);
      return yield* task;
    },
    *race() {
      return yield* race([sleep(1000), once()]);
    },
    *all() {
      const texts = yield* all([once(), once(), once()]);
      return texts[2];
    },
    *resource() {
      return yield* resource(held);
    },
    *ensure() {
      yield* ensure(nothing);
      return TEXT;
    },
    async scope(request) {
      return await request.scope.run(once);
    },
    suspend,
  };
}

async function serveEddy() {
  const { Loop } = await import("eddy");
  await new Loop({ log: false }).mount(handler).listen({ port, host });
}

async function serveStock() {
  const { createScope } = library;
  const { uws } = await import("../../dist/lib/engine/uws/load.js");
  const root = createScope();
  const answer =
    name === "scope" ? () => inScope(root) : () => root.run(handler);
  async function inScope() {
    const scope = createScope(root);
    const text = await handler({ scope });
    await scope[Symbol.asyncDispose]();
    return text;
  }
  const app = uws.App().get("/*", (res) => {
    res.onAborted(() => (res.aborted = true));
    void answer().then((text) => {
      if (!res.aborted)
        res.cork(() => res.writeHeader("content-type", "text/plain").end(text));
    });
  });
  await new Promise((resolve) => app.listen(host, port, resolve));
}
