/** Whatever an application throws, and wherever: its own request is answered, the others are, and the log says it. */
import { setImmediate as tick } from "node:timers/promises";
import { expect } from "chai";
import { until } from "effection";
import { wsgi } from "../../../adapters/wsgi.ts";
import {
  Loop,
  stream,
  type Application,
  type Reply,
} from "../../../lib/index.ts";
import { sleep, until as ourUntil } from "../../../lib/operations.ts";
import { Gate } from "../../support/gate.ts";
import { HOSTILE } from "../../support/hostile.ts";
import { RawClient } from "../../support/raw-client.ts";
import { onEachEngine } from "../../support/engines.ts";
import { shareServer } from "../../support/shared-server.ts";
import { threaded } from "../../support/threads.ts";

type Throw = () => never;

/** Where it is thrown, before there is anything of a reply. */
const BEFORE: Record<string, (raise: Throw) => Application> = {
  "a function": (raise) => () => raise(),
  "an async function": (raise) => async () => raise(),
  "an async function that has waited": (raise) => async () => {
    await tick();
    return raise();
  },
  "an operation": (raise) =>
    function* () {
      return raise();
    },
  "an operation that has waited": (raise) =>
    function* () {
      yield* sleep(1);
      return raise();
    },
  "a promise that an operation waits for": (raise) =>
    function* () {
      yield* ourUntil(tick().then(raise));
      return "";
    },
  "a promise that is all of an operation": (raise) => () =>
    ourUntil(tick().then(raise)),
  // oxlint-disable-next-line no-thenable
  "a then()": (raise) => () => ({ then: raise }) as unknown as Promise<string>,
  "a stream's first chunk": (raise) => () =>
    stream(
      (function* () {
        yield raise();
      })(),
    ),
  "an async stream's first chunk": (raise) => () =>
    stream(
      (async function* () {
        await tick();
        yield raise();
      })(),
    ),
  "a ReadableStream": (raise) => () =>
    stream(new ReadableStream({ pull: raise })),
  "an operation that writes": (raise) => () =>
    stream(function* () {
      raise();
    }),
  "an async function that writes": (raise) => () =>
    stream(async () => {
      await tick();
      raise();
    }),
  "the headers of a reply": (raise) => () => ({
    headers: {
      get "x-a"() {
        return raise();
      },
    },
  }),
  "a WSGI-style application": (raise) => wsgi(() => raise()),
  "its body": (raise) =>
    wsgi((_, startResponse) => {
      startResponse("200 OK", []);
      return (function* () {
        yield raise();
      })();
    }),
};

/** Where the head is on its way by then. */
const WITHIN: Record<string, (raise: Throw) => Application> = {
  "the middle of a stream": (raise) => () =>
    stream(
      (function* () {
        yield "begun";
        yield raise();
      })(),
    ),
  "the middle of what an operation writes": (raise) => () =>
    stream(function* (out) {
      yield* out.write("begun");
      raise();
    }),
  "the middle of a WSGI-style body": (raise) =>
    wsgi((_, startResponse) => {
      startResponse("200 OK", []);
      return (function* () {
        yield "begun";
        yield raise();
      })();
    }),
};

/** Where there is a reply already, or will be. */
const BESIDE: Record<string, (raise: Throw) => Application> = {
  "a task of request.scope": (raise) => (request) =>
    new Promise((resolve) => {
      request.scope.run(function* () {
        yield* sleep(0);
        setImmediate(resolve, "answered");
        raise();
      });
    }),
  "a cleanup of request.scope": (raise) => async (request) => {
    request.scope.run(function* () {
      try {
        yield* until(new Promise(() => {}));
      } finally {
        raise();
      }
    });
    await tick();
    return "answered";
  },
  "request.log": (raise) => (request) => {
    const thrown = thrownBy(raise);
    request.log.warn({ err: thrown, thrown }, "of the application's");
    return "answered";
  },
};

function thrownBy(raise: Throw): unknown {
  try {
    return raise();
  } catch (error) {
    return error;
  }
}

const PLACES = { ...BEFORE, ...WITHIN, ...BESIDE };

onEachEngine((engine) => {
  describe("Whatever is thrown, by", () => {
    const gate = new Gate();
    const pathOf = (place: string, kind: string): string =>
      `/${Object.keys(PLACES).indexOf(place)}/${Object.keys(HOSTILE).indexOf(kind)}`;
    const server = shareServer(
      (loop: Loop) => {
        loop.get("/neighbour", () => gate.opened.then(() => "answered"));
        for (const [place, make] of Object.entries(PLACES))
          for (const [kind, hostile] of Object.entries(HOSTILE))
            loop.mount(
              pathOf(place, kind),
              make(() => {
                throw hostile("on purpose"); // oxlint-disable-line typescript/only-throw-error
              }),
            );
      },
      {},
      engine,
    );

    /** What a client gets there; the log has one line about it. */
    async function ask(place: string, kind: string): Promise<string> {
      server().expectLog(/./);
      const neighbour = await RawClient.connect(server().port);
      neighbour.request("GET /neighbour");
      const client = await RawClient.connect(server().port);
      const path = pathOf(place, kind);
      client.request(`GET ${path}`, ["connection: close"]);
      const reply = await client.untilClosed();
      const lines = server().log.filter(({ level }) => level >= 40);
      expect(lines, JSON.stringify(lines)).to.have.length(1);
      gate.open();
      await neighbour.until(/answered/);
      neighbour.abort();
      return reply;
    }

    for (const kind of Object.keys(HOSTILE)) {
      for (const place of Object.keys(BEFORE))
        it(`${place}: 500 for ${kind}`, async () => {
          expect(await ask(place, kind)).to.match(/^HTTP\/1\.1 500 /);
        });

      for (const place of Object.keys(WITHIN))
        it(`${place}: the reply is cut for ${kind}`, async () => {
          const reply = await ask(place, kind);
          expect(reply).to.match(/^(HTTP\/1\.1 200 [^]*begun\r\n)?$/);
        });

      for (const place of Object.keys(BESIDE))
        it(`${place}: the reply is as it was for ${kind}`, async () => {
          expect(await ask(place, kind)).to.match(
            /^HTTP\/1\.1 200 [^]*answered/,
          );
        });
    }
  });
});

/** What is given in place of what a reply is made of. */
const GIVEN: Record<string, (given: unknown) => Application> = {
  "a reply": (given) => () => given as Reply,
  "an async function's reply": (given) => async () => given as Reply,
  "an operation's reply": (given) =>
    function* () {
      yield* sleep(0);
      return given as Reply;
    },
  "a status": (given) => () => ({ status: given as number }),
  headers: (given) => () => ({ headers: given as Record<string, string> }),
  "a header": (given) => () => ({ headers: { a: given as string } }),
  "a member that there is not": (given) => () => ({ given }) as Reply,
  "a body": (given) => () => ({ body: given as string }),
  "a chunk": (given) => () => stream([given as string]),
  "an async stream's chunk": (given) => () =>
    stream(
      (async function* () {
        yield given as string;
      })(),
    ),
  "a chunk that is written": (given) => () =>
    stream(function* (out) {
      yield* out.write(given as string);
    }),
  "a WSGI-style result": (given) =>
    wsgi((_, startResponse) => {
      startResponse("200 OK", []);
      return given as string[];
    }),
  "a WSGI-style chunk": (given) =>
    wsgi((_, startResponse) => {
      startResponse("200 OK", []);
      return [given as string, given as string];
    }),
};

/** What is as good as nothing there, which some of these may be. */
const NOTHING = ["nothing", "null"];

onEachEngine((engine) => {
  describe("Nothing worse than a 500, which is logged, comes of", () => {
    const kinds = Object.keys(HOSTILE).filter(
      (kind) => !NOTHING.includes(kind),
    );
    const server = shareServer(
      (loop: Loop) => {
        loop.get("/neighbour", () => "answered");
        for (const [place, make] of Object.entries(GIVEN))
          for (const kind of kinds)
            loop.mount(
              `/${encodeURIComponent(place)}/${kinds.indexOf(kind)}`,
              make(HOSTILE[kind]!("on purpose")),
            );
      },
      {},
      engine,
    );

    for (const place of Object.keys(GIVEN))
      for (const [i, kind] of kinds.entries())
        it(`${kind} as ${place}`, async () => {
          server().expectLog(/./);
          const { url } = server();
          const reply = await fetch(`${url}/${encodeURIComponent(place)}/${i}`);
          const failures = server().log.filter(({ level }) => level === 50);
          expect(reply.status).to.equal(failures.length === 0 ? 200 : 500); // some are as good as nothing there
          const neighbour = await fetch(`${url}/neighbour`);
          expect(await neighbour.text()).to.equal("answered");
        });
  });
});

describe("Whatever is thrown, by a function that is provided to threads", () => {
  const server = shareServer((loop: Loop) => {
    const raise = (kind: string): never => {
      throw HOSTILE[kind]!("on purpose"); // oxlint-disable-line typescript/only-throw-error
    };
    const provide = { raise, later: async (kind: string) => raise(kind) };
    loop.mount(threaded("blocking", "calls", { provide }));
  });

  for (const kind of Object.keys(HOSTILE))
    for (const name of ["raise", "later"])
      it(`is 500: ${kind}, ${name}`, async () => {
        server().expectLog(/GET \/ failed/);
        const query = encodeURIComponent(JSON.stringify([name, kind]));
        const { status } = await fetch(`${server().url}/?${query}`);
        expect(status).to.equal(500);
        const failures = server().log.filter(({ level }) => level >= 40);
        expect(failures, JSON.stringify(failures)).to.have.length(1);
      });
});

describe("Whatever is thrown in a thread", () => {
  const server = shareServer((loop: Loop) => {
    loop.mount(threaded("hostile", "throws"));
  });

  for (const kind of Object.keys(HOSTILE))
    it(`is 500: ${kind}`, async () => {
      server().expectLog(/GET \/ failed/);
      const query = encodeURIComponent(kind);
      const { status } = await fetch(`${server().url}/?${query}`);
      expect(status).to.equal(500);
      const failures = server().log.filter(({ level }) => level >= 40);
      expect(failures, JSON.stringify(failures)).to.have.length(1);
    });
});
