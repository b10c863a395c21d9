import { setImmediate as tick } from "node:timers/promises";
import { expect } from "chai";
import { action, until } from "eddy/operations";
import {
  ensure,
  run,
  sleep,
  spawn,
  suspend,
  type Operation,
  type Scope,
} from "effection";
import {
  HttpError,
  json,
  stream,
  UsageError,
  ClientAbortedError,
  type Application,
  type GatewayRequest,
  type Loop,
  type LoopOptions,
  type Outcome,
  type Reply,
} from "../../../lib/index.ts";
import { RawClient } from "../../support/raw-client.ts";
import { madeErrors } from "../../support/made-errors.ts";
import { type TestServer } from "../../support/server.ts";
import { onEachEngine } from "../../support/engines.ts";

/** Keeps the scope of a request beyond its end. */
type Keep = (request: GatewayRequest) => Scope;

// oxlint-disable-next-line require-yield
function* never(): Operation<never> {
  throw new Error("it was started");
}

onEachEngine(({ serveWith }) => {
  const WAIT = 3_600_000;

  /** A value that a handler hands to its test. */
  function box<T>(): {
    promise: Promise<T>;
    resolve: (value: T) => void;
  } {
    let resolve!: (value: T) => void;
    const promise = new Promise<T>((settle) => (resolve = settle));
    return { promise, resolve };
  }

  async function outcomeOf(server: TestServer): Promise<unknown> {
    return (await server.logged((line) => line.msg === "request")).outcome;
  }

  describe("An exchange that ends before its time", () => {
    /** Nobody would get an error of it. */
    const waiting = (): Promise<string> => new Promise(() => {});

    const cases: [
      what: string,
      status: number,
      options: LoopOptions,
      end: (loop: Loop) => unknown,
    ][] = [
      ["by its time limit", 503, { requestTimeoutMs: 5 }, () => {}],
      [
        "by a drain",
        503,
        { drainTimeoutMs: 1 },
        (loop) => void loop.close(), // which waits for the reply
      ],
      [
        "by loop.halt()",
        503,
        {},
        (loop) => loop.tasks().exchanges.map(({ id }) => loop.halt(id)),
      ],
    ];
    for (const [what, status, options, end] of cases)
      it(`${what} makes no error that nobody gets`, async () => {
        const made = madeErrors();
        const started = box<void>();
        const server = await serveWith(
          (loop) =>
            loop.mount(() => {
              setImmediate(started.resolve);
              return waiting();
            }),
          options,
        );
        server.expectLog(/took too long|had to be halted/);
        const reply = fetch(server.url);
        await started.promise;
        await end(server.loop);
        expect((await reply).status).to.equal(status);
        expect(made).to.deep.equal([]);
      });
  });

  describe("A request that the gateway refuses", () => {
    const cases: [status: number, init: RequestInit, options: LoopOptions][] = [
      [404, {}, {}],
      [405, { method: "PUT" }, {}],
      [413, { method: "POST", body: "12" }, { maxBodyBytes: 1 }],
      [431, { headers: { a: "b".repeat(100) } }, { maxHeaderBytes: 50 }],
    ];
    for (const [status, init, options] of cases)
      it(`with ${status} gets an error without a stack, which is not paid for`, async () => {
        const stacks: string[] = [];
        const made = madeErrors((error) => stacks.push(error.stack ?? ""));
        const server = await serveWith(
          (loop) => loop.post("/here", () => "").get("/here", () => ""),
          options,
        );
        const path = status === 404 ? "/" : "/here";
        const response = await fetch(server.url + path, init);
        expect(response.status).to.equal(status);
        expect(made).to.have.length(1);
        expect(stacks.join()).to.not.include("\n");
        expect(new Error("of somebody else").stack).to.include("\n");
      });
  });

  describe("An exchange", () => {
    describe("with a handler that returns", () => {
      const handlers = {
        "a plain function": () => "hello",
        "an async function": async () => "hello",
        "an async function that waits": async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          return "hello";
        },
        "an operation": function* () {
          yield* sleep(1);
          return "hello";
        },
        "an operation that returns at once": function* () {
          return "hello";
        },
        "a single wait": () => until(Promise.resolve("hello")),
        "a single wait that is over at once": () =>
          action<string>((resolve) => {
            resolve("hello");
            return () => {};
          }),
      };
      for (const [what, handler] of Object.entries(handlers))
        it(`serves ${what}`, async () => {
          const server = await serveWith((loop) => loop.mount(handler), {
            accessLog: true,
          });
          const response = await fetch(server.url);
          expect(await response.text()).to.equal("hello");
          expect(response.headers.get("content-type")).to.equal(
            "text/plain; charset=utf-8",
          );
          expect(response.headers.get("content-length")).to.equal("5");
          expect(await outcomeOf(server)).to.equal("ok");
        });

      it("never fires request.signal", async () => {
        let signal!: AbortSignal;
        const server = await serveWith((loop) =>
          loop.mount(async (request) => {
            ({ signal } = request);
            return "done";
          }),
        );
        await (await fetch(server.url)).text();
        await server.end();
        expect(signal.aborted).to.equal(false);
      });

      it("halts what it has left running in request.scope", async () => {
        const halted = box<string>();
        const server = await serveWith((loop) =>
          loop.mount(async (request) => {
            request.scope.run(function* () {
              try {
                yield* suspend();
              } finally {
                halted.resolve("halted");
              }
            });
            return "done";
          }),
        );
        expect(await (await fetch(server.url)).text()).to.equal("done");
        expect(await halted.promise).to.equal("halted");
      });

      it("lets nobody start anything in request.scope any more: nobody would end it", async () => {
        const late = box<Error>();
        const server = await serveWith((loop) =>
          loop.mount(async (request) => {
            const { promise, resolve } = box<void>();
            request.scope.run(function* () {
              try {
                yield* suspend();
              } finally {
                yield* until(request.scope.run(() => sleep(1))); // a cleanup may
                resolve();
              }
            });
            void promise.then(tick).then(() => {
              try {
                request.scope.run(suspend);
              } catch (error) {
                late.resolve(error as Error);
              }
            });
            return "done";
          }),
        );
        expect(await (await fetch(server.url)).text()).to.equal("done");
        expect(await late.promise).to.be.instanceOf(UsageError);
      });

      const uses: Record<string, (scope: Scope) => Promise<unknown>> = {
        "scope.run()": async (scope) => scope.run(never),
        "scope.spawn()": (scope) => run(() => scope.spawn(never)),
      };
      const keepers: Record<string, (keep: Keep) => Application> = {
        function: (keep) => (request) => keep(request) && "done",
        "async function": (keep) => async (request) => {
          keep(request);
          await tick();
          return "done";
        },
        operation: (keep) =>
          function* (request) {
            keep(request);
            yield* sleep(1);
            return "done";
          },
        "failing function": (keep) => (request) => {
          keep(request);
          throw new HttpError(400, "done");
        },
        stream: (keep) => (request) => {
          keep(request);
          return stream(["done"]);
        },
        "handler with a task": (keep) => (request) => {
          keep(request).run(suspend);
          return "done";
        },
      };
      for (const [what, make] of Object.entries(keepers))
        for (const [use, start] of Object.entries(uses))
          it(`starts nothing in a request.scope that was kept, by ${use}: ${what}`, async () => {
            let kept!: Scope;
            const keep: Keep = ({ scope }) => (kept = scope);
            const server = await serveWith((loop) => loop.mount(make(keep)));
            const reply = await fetch(server.url);
            expect((await reply.text()).trim()).to.equal("done");
            const error = await start(kept).catch((reason: Error) => reason);
            expect(error).to.be.instanceOf(UsageError);
            expect(String(error)).to.match(/request.scope has ended/);
          });
    });

    describe("with a handler that throws", () => {
      const failing = new HttpError(409, "not now", {
        cause: new Error("the reason"),
        headers: { "retry-after": "5" },
      });
      const throwers = {
        "a plain function": () => {
          throw failing;
        },
        "an async function": async () => {
          throw failing;
        },
        "an operation": function* (): Operation<string> {
          yield* sleep(0);
          throw failing;
        },
      };
      for (const [what, handler] of Object.entries(throwers))
        it(`answers an HttpError of ${what} with its status, message and headers, and logs the cause`, async () => {
          const server = await serveWith((loop) => loop.mount(handler), {
            accessLog: true,
          });
          const response = await fetch(server.url);
          expect(response.status).to.equal(409);
          expect(response.headers.get("retry-after")).to.equal("5");
          expect(await response.text()).to.equal("not now\n");
          const line = await server.logged(({ err }) => err !== undefined);
          expect(line.err!.stack).to.include("the reason");
          expect(await outcomeOf(server)).to.equal("ok");
        });

      for (const [what, thrown] of Object.entries({
        "an Error": new Error("secret"),
        "a string": "secret",
        nothing: undefined,
      }))
        it(`answers ${what} with a 500 that says nothing, and logs it with the request's id`, async () => {
          let id!: string;
          const server = await serveWith(
            (loop) =>
              loop.mount(async (request) => {
                ({ id } = request);
                throw thrown;
              }),
            { accessLog: true },
          );
          server.expectLog(/GET \/ failed/);
          const response = await fetch(server.url);
          expect(response.status).to.equal(500);
          expect(await response.text()).to.equal("something went wrong here\n");
          expect(
            (await server.logged(({ msg }) => msg === "GET / failed"))
              .requestId,
          ).to.equal(id);
          expect(await outcomeOf(server)).to.equal("error");
        });

      it("cuts the connection when the head was sent", async () => {
        const server = await serveWith(
          (loop) =>
            loop.mount(() =>
              stream(
                (async function* () {
                  yield "first";
                  await new Promise((resolve) => setTimeout(resolve, 5));
                  throw new Error("late");
                })(),
              ),
            ),
          { accessLog: true },
        );
        server.expectLog(/failed late/);
        const client = await RawClient.connect(server.port);
        client.request("GET /");
        const received = await client.untilClosed();
        expect(received).to.include("first").and.not.include("0\r\n\r\n");
        expect(await outcomeOf(server)).to.equal("error");
      });

      it("answers 500 when the headers of its HttpError are no headers", async () => {
        const server = await serveWith((loop) =>
          loop.mount(() => {
            throw new HttpError(400, "bad", {
              headers: { "x-a": "a\r\nb: c" },
            });
          }),
        );
        server.expectLog(/its error reply failed/);
        const response = await fetch(server.url);
        expect(response.status).to.equal(500);
        expect(response.headers.has("b")).to.equal(false);
      });

      it("lets its siblings live", async () => {
        const server = await serveWith((loop) => {
          loop.get("/fails", function* (): Operation<string> {
            yield* sleep(0);
            throw new Error("alone");
          });
          loop.get("/lives", function* () {
            yield* sleep(30);
            return "alive";
          });
        });
        server.expectLog(/failed alone/);
        const [failed, lived] = await Promise.all([
          fetch(`${server.url}/fails`),
          fetch(`${server.url}/lives`),
        ]);
        expect(failed.status).to.equal(500);
        expect(await lived.text()).to.equal("alive");
      });

      it("fails as a whole when a task that it spawned fails", async () => {
        const server = await serveWith((loop) =>
          loop.mount(function* () {
            yield* spawn(function* (): Operation<void> {
              yield* sleep(0);
              throw new Error("child");
            });
            yield* suspend();
            return "never";
          }),
        );
        server.expectLog(/failed child/);
        expect((await fetch(server.url)).status).to.equal(500);
      });
    });

    describe("whose client goes away", () => {
      async function abort(
        handler: (request: GatewayRequest) => unknown,
        settled: Promise<unknown>,
      ) {
        const started = box<void>();
        const server = await serveWith(
          (loop) =>
            loop.mount((request) => {
              started.resolve();
              return handler(request) as string;
            }),
          { accessLog: true },
        );
        const client = await RawClient.connect(server.port);
        client.request("GET /");
        await started.promise;
        client.abort();
        const result = await settled;
        expect(await outcomeOf(server)).to.equal("abort");
        return { server, result };
      }

      it("halts an operation: its finally runs, and its children's", async () => {
        const order: string[] = [];
        const done = box<void>();
        await abort(function* () {
          yield* spawn(function* () {
            try {
              yield* suspend();
            } finally {
              order.push("child");
              done.resolve();
            }
          });
          try {
            yield* sleep(WAIT);
          } finally {
            order.push("parent");
          }
        }, done.promise);
        expect(order).to.deep.equal(["parent", "child"]);
      });

      it("leaves a single wait", async () => {
        const left = box<void>();
        await abort(() => action(() => left.resolve), left.promise);
      });

      it("fires request.signal with ClientAbortedError as its reason", async () => {
        const reason = box<unknown>();
        const { result } = await abort(
          (request) =>
            new Promise(() =>
              request.signal.addEventListener("abort", () =>
                reason.resolve(request.signal.reason),
              ),
            ),
          reason.promise,
        );
        expect(result).to.have.property("code", "EDDY_CLIENT_ABORTED");
      });

      it("gives a signal that has fired already to whoever asks late", async () => {
        const late = box<AbortSignal>();
        const gone = box<void>();
        const { server } = await abort(async (request) => {
          await gone.promise;
          late.resolve(request.signal);
          return "too late";
        }, Promise.resolve());
        gone.resolve();
        const signal = await late.promise;
        expect(signal.aborted).to.equal(true);
        expect(signal.reason).to.have.property("code", "EDDY_CLIENT_ABORTED");
        expect(server.accessLines).to.have.length(1);
      });

      it("halts what runs in request.scope", async () => {
        const halted = box<void>();
        await abort(
          (request) =>
            request.scope.run(function* () {
              try {
                yield* suspend();
              } finally {
                halted.resolve();
              }
            }),
          halted.promise,
        );
      });

      it("logs no error when an async handler fails over it", async () => {
        await abort(
          (request) =>
            new Promise((_, reject) =>
              request.signal.addEventListener("abort", () =>
                reject(new Error("as expected")),
              ),
            ),
          Promise.resolve(),
        );
      });

      it("logs no failed cleanup when what is handed on from elsewhere breaks off with it, as it should", async () => {
        const left = box<void>();
        const origin = await serveWith((loop) =>
          loop.mount(({ signal }) => {
            signal.addEventListener("abort", () => left.resolve());
            return stream(function* (out) {
              yield* out.write("begun");
              yield* suspend();
            });
          }),
        );
        const server = await serveWith((loop) =>
          loop.mount(({ signal }) => fetch(origin.url, { signal })),
        );
        const client = await RawClient.connect(server.port);
        await client.request("GET /").until(/begun/);
        client.abort();
        await left.promise;
        await server.end(); // fails where the log has a warning
      });

      it("ends without an error being made, for a handler that has nothing that would get one", async () => {
        const made = madeErrors();
        const { server } = await abort(() => new Promise(() => {}), tick());
        expect(made).to.deep.equal([]);
        await server.loop.stop();
      });

      it("ends with one error, for all that get one", async () => {
        const made = madeErrors();
        const done = box<unknown[]>();
        const { result } = await abort(async (request) => {
          const { signal } = request;
          await new Promise((left) => signal.addEventListener("abort", left));
          done.resolve([signal.reason, request.signal.reason]);
        }, done.promise);
        const [first, second] = result as unknown[];
        expect(first).to.be.instanceOf(ClientAbortedError).and.equal(second);
        expect(made).to.deep.equal(["EDDY_CLIENT_ABORTED"]);
      });

      it("ends a stream in the middle: generator, async generator and writer", async () => {
        for (const body of [
          (end: () => void) =>
            stream(
              (function* () {
                try {
                  for (;;) yield "x".repeat(10_000);
                } finally {
                  end();
                }
              })(),
            ),
          (end: () => void) =>
            stream(
              (async function* () {
                try {
                  for (;;) yield "x".repeat(10_000);
                } finally {
                  end();
                }
              })(),
            ),
          (end: () => void) =>
            stream(function* (out) {
              try {
                for (;;) yield* out.write("x".repeat(10_000));
              } finally {
                end();
              }
            }),
        ]) {
          const ended = box<void>();
          await abort(() => body(ended.resolve), ended.promise);
        }
      });

      const downloads: Record<string, () => Reply> = {
        "a stream": () =>
          stream(
            (async function* () {
              for (;;) {
                yield "x".repeat(10_000);
                await tick();
              }
            })(),
          ),
        "a long body": () => "x".repeat(50_000_000),
      };
      for (const [what, download] of Object.entries(downloads))
        for (const awaits of [0, 1, 2, 3])
          it(`is over in the middle of ${what}, also of a client that has asked for the end of its connection, ${awaits} awaits before it`, async () => {
            const server = await serveWith(
              (loop) =>
                loop.mount(async () => {
                  for (let i = 0; i < awaits; i++) await Promise.resolve();
                  return download();
                }),
              { accessLog: true },
            );
            const client = await RawClient.connect(server.port);
            client.request("GET /", ["Connection: close"]);
            await client.until(/x{1000}/);
            client.abort();
            expect(await outcomeOf(server)).to.equal("abort");
          });

      it("logs a cleanup that fails", async () => {
        const { server } = await abort(function* () {
          try {
            yield* suspend();
          } finally {
            // oxlint-disable-next-line no-unsafe-finally -- it is the subject
            throw new Error("cannot let go");
          }
        }, Promise.resolve());
        server.expectLog(/a cleanup of GET \/ failed/);
        await server.logged(({ err }) => err?.message === "cannot let go");
      });

      it("logs a cleanup of request.scope that fails, and lets the loop live", async () => {
        const { server } = await abort(async (request) => {
          await request.scope.run(function* () {
            yield* ensure(() => {
              throw new Error("cannot let go");
            });
            yield* suspend();
          });
          return "";
        }, Promise.resolve());
        server.expectLog(/a cleanup of GET \/ failed/);
        await server.logged(({ err }) => err?.message === "cannot let go");
        const alive = Promise.resolve("alive");
        expect(await Promise.race([server.loop.closed, alive])).to.equal(
          "alive",
        );
      });

      it("is not answered by what goes on after the halt", async () => {
        const done = box<void>();
        await abort(function* () {
          try {
            yield* suspend();
          } finally {
            done.resolve();
          }
          return "nobody hears this";
        }, done.promise);
      });
    });

    it("writes exactly one access line and counts one outcome, however it ends", async () => {
      const server = await serveWith(
        (loop) => {
          loop.get("/sync", () => "ok");
          loop.get("/async", async () => json({ ok: true }));
          loop.get("/operation", function* () {
            yield* sleep(1);
            return "ok";
          });
          loop.get("/stream", () => stream(["a", "b"]));
          loop.get("/refused", () => {
            throw new HttpError(403, "no");
          });
          loop.get("/broken", () => {
            throw new Error("broken");
          });
          loop.get("/cut", () =>
            stream(function* (out) {
              yield* out.write("a");
              throw new Error("cut");
            }),
          );
          loop.get("/hangs", suspend as () => Operation<string>);
        },
        { accessLog: true, drainTimeoutMs: 20 },
      );
      server.expectLog(/broken/, /cut/, /had to be halted/);
      const paths = [
        "/sync",
        "/async",
        "/operation",
        "/stream",
        "/refused",
        "/broken",
        "/missing",
        "/%zz",
      ];
      for (const path of paths) await (await fetch(server.url + path)).text();
      await fetch(`${server.url}/cut`)
        .then((response) => response.text())
        .catch(() => "cut");
      const leaving = await RawClient.connect(server.port);
      leaving.request("GET /hangs");
      const staying = await RawClient.connect(server.port);
      staying.request("GET /hangs");
      await new Promise((resolve) => setTimeout(resolve, 20));
      leaving.abort();
      await server.logged((line) => line.outcome === "abort");
      const { tally, halted } = await server.loop.close();
      expect(tally).to.deep.equal({
        accepted: 11,
        ok: 7,
        abort: 1,
        timeout: 0,
        error: 2,
        shed: 0,
        drain: 1,
      });
      expect(halted.map(({ path }) => path)).to.deep.equal(["/hangs"]);
      expect(await staying.untilClosed()).to.match(
        /^HTTP\/1\.1 503 [^]*connection: close/i,
      );
      const lines = server.accessLines.map((line) => line.outcome as Outcome);
      expect(lines).to.have.length(tally.accepted);
      for (const outcome of ["ok", "abort", "error", "drain"] as const)
        expect(lines.filter((line) => line === outcome)).to.have.length(
          tally[outcome],
        );
    });
  });
});
