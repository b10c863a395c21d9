/** Contexts of effection: what is set around `listen()`, in a handler, and where that is seen. */
import { expect } from "chai";
import { createContext, run, sleep, until, type Operation } from "effection";
import { Loop, stream, upgrade, type Handler } from "../../../lib/index.ts";
import { attach, seeContextsOf } from "../../../lib/kernel/fork.ts";
import { afterTest } from "../../support/hooks.ts";
import { onEachEngine } from "../../support/engines.ts";
import { USUAL_ENGINE } from "../../support/server.ts";
import { SocketClient } from "../../support/web-socket.ts";

const place = createContext<string>("place");

function* seen(): Operation<string> {
  return (yield* place.get()) ?? "nothing";
}

const streamed = () =>
  stream(function* (out) {
    yield* out.write(yield* seen());
  });

const socket = () =>
  upgrade(function* (socket) {
    yield* socket.send(yield* seen());
  });

/** What sets it, and becomes a socket that sends what is seen. */
const SOCKET_HANDLERS: Record<string, Handler> = {
  "its socket": function* () {
    yield* place.set("handler");
    return socket();
  },
  "its socket, after a wait": function* () {
    yield* sleep(1);
    yield* place.set("handler");
    return socket();
  },
  "its socket, if it is set in request.scope": ({ scope }) => {
    scope.set(place, "handler");
    return socket();
  },
};

/** What sets "handler", and is answered by what is seen. */
const HANDLERS: Record<string, Handler> = {
  "its stream": function* () {
    yield* place.set("handler");
    return streamed();
  },
  "its stream, after a wait": function* () {
    yield* sleep(1);
    yield* place.set("handler");
    return streamed();
  },
  "request.scope": function* ({ scope }) {
    yield* place.set("handler");
    return scope.get(place)!;
  },
  "a task of request.scope": function* ({ scope }) {
    yield* place.set("handler");
    return yield* until(scope.run(seen));
  },
  "a stream, if it is set in request.scope": ({ scope }) => {
    scope.set(place, "handler");
    return streamed();
  },
  "request.scope, in a stream that sets it": (request) =>
    stream(function* (out) {
      yield* place.set("handler");
      yield* out.write(yield* until(request.scope.run(seen)));
    }),
};

onEachEngine(({ serveWith }) => {
  describe("A context that a handler sets", () => {
    for (const [where, handler] of Object.entries(HANDLERS))
      it(`is seen by ${where}`, async () => {
        const server = await serveWith((loop) =>
          loop.get("/", seen).get("/set", handler),
        );
        const answer = async (path: string): Promise<string> =>
          await (await fetch(server.url + path)).text();
        expect(await answer("/set")).to.equal("handler");
        expect(await answer("/"), "the next request").to.equal("nothing");
      });

    for (const [where, handler] of Object.entries(SOCKET_HANDLERS))
      it(`is seen by ${where}`, async () => {
        const { port } = await serveWith((loop) =>
          loop.websocket("/", socket).websocket("/set", handler),
        );
        const answer = async (path: string): Promise<unknown> =>
          (await (await SocketClient.open(port, path)).messages(1))[0];
        expect(await answer("/set")).to.equal("handler");
        expect(await answer("/"), "the next socket").to.equal("nothing");
      });
  });
});

describe("A context around loop.listen()", () => {
  /** Asks a loop that listens within an operation which has set it. */
  const ask = async (handler: Handler): Promise<string> =>
    await run(function* () {
      const loop = new Loop({ log: false }).mount(handler);
      afterTest(() => loop.stop());
      yield* place.set("around");
      const { url } = yield* loop.listen({
        port: 0,
        host: "127.0.0.1",
        engine: USUAL_ENGINE,
      });
      const response = yield* until(fetch(url));
      return yield* until(response.text());
    });

  it("is seen by handlers", async () => {
    expect(await ask(seen)).to.equal("around");
    expect(await ask(({ scope }) => scope.get(place)!)).to.equal("around");
    expect(await ask(streamed)).to.equal("around");
  });

  it("is not looked for in a circle", async () => {
    const outer = attach(undefined, { onError: rethrow });
    const inner = attach(outer.scope, { onError: rethrow });
    seeContextsOf(outer.scope, inner.scope); // as by a loop that listens in one of its own requests
    expect(inner.scope.get(place)).to.equal(undefined);
    outer.scope.set(place, "outer");
    expect(inner.scope.get(place)).to.equal("outer");
    await outer.destroy();
  });
});

const rethrow = (error: Error): never => {
  throw error;
};
