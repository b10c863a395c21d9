/** What the AsyncLocalStorage stores of an application are worth: each request sees its own, and no other's. */
import { AsyncLocalStorage } from "node:async_hooks";
import { Agent, get } from "node:http";
import { expect } from "chai";
import { action, resource, sleep, spawn, suspend, until } from "effection";
import { wsgi } from "../../../adapters/wsgi.ts";
import {
  bindContext,
  stream,
  type GatewayRequest,
  type Handler,
  type Reply,
} from "../../../lib/index.ts";
import * as operations from "../../../lib/operations.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, type TestServer } from "../../support/server.ts";
import { threaded } from "../../support/threads.ts";

const USERS = 1000;
const AT_A_TIME = 50;

/** Of a piece: its client takes nothing, so nobody asks for a further one. */
const MORE_THAN_FITS = new Uint8Array(16 * 1024 * 1024);

const user = new AsyncLocalStorage<string>();
const userOf = (request: GatewayRequest): string =>
  request.headers.get("x-user") ?? "nobody";

/** Lets nobody go on until all of a group have come; the last one to come wakes the others, from where it is. */
class Meeting {
  #waiting: (() => void)[] = [];

  readonly join = (goOn: () => void): void => {
    if (this.#waiting.push(goOn) < AT_A_TIME) return;
    for (const wake of this.#waiting.splice(0)) wake();
  };

  /** As effection's `action`, which a task that is woken leaves in the context of whoever wakes it. */
  operation(seen: string[]) {
    return action<void>((resolve) => {
      this.join(resolve);
      return () => void seen.push(`left: ${user.getStore()}`);
    });
  }

  promise(): Promise<void> {
    return new Promise(this.join);
  }
}

const meeting = new Meeting();
const here = (): string => `${user.getStore()}`;

/** Each replies with the users that it has seen, one a line. */
const HANDLERS: Record<string, Handler> = {
  "a handler that enters": (request) => {
    user.enterWith(userOf(request));
    return here();
  },
  "an async handler that enters": async (request) => {
    user.enterWith(userOf(request));
    await meeting.promise();
    const seen = [here()];
    await meeting.promise();
    return [...seen, here()].join("\n");
  },
  "an operation that enters": function* (request) {
    user.enterWith(userOf(request));
    const seen: string[] = [];
    yield* meeting.operation(seen);
    seen.push(here());
    yield* until(meeting.promise());
    seen.push(here());
    return seen.join("\n");
  },
  "an operation that enters after a wait": function* (request) {
    const seen: string[] = [];
    yield* meeting.operation([]);
    user.enterWith(userOf(request));
    yield* sleep(0);
    seen.push(here());
    yield* meeting.operation(seen);
    seen.push(here());
    return seen.join("\n");
  },
  "an operation with tasks": function* (request) {
    user.enterWith(userOf(request));
    const seen: string[] = [];
    function* child() {
      yield* meeting.operation(seen);
      seen.push(here());
      user.enterWith("a child's own");
      yield* sleep(0);
    }
    const task = yield* spawn(child);
    yield* operations.all([child(), operations.race([child(), suspend()])]);
    yield* task;
    seen.push(here());
    return seen.join("\n");
  },
  "a task of request.scope": async (request) => {
    user.enterWith(userOf(request));
    return await request.scope.run(function* () {
      const seen: string[] = [];
      yield* resource<void>(function* (provide) {
        yield* meeting.operation(seen);
        seen.push(here());
        yield* provide();
      });
      yield* meeting.operation(seen);
      seen.push(here());
      return seen.join("\n");
    });
  },
  "a wait": (request) => {
    user.enterWith(userOf(request));
    return operations.action<Reply>((resolve) => {
      meeting.join(() => resolve({ body: pieces() }));
      return () => {};
    });
  },
  "run() around an async handler": (request) =>
    user.run(userOf(request), async () => {
      await meeting.promise();
      return here();
    }),
  "run() around an operation, bound": (request) =>
    user.run(userOf(request), () =>
      bindContext(
        (function* () {
          const seen = [here()];
          yield* meeting.operation(seen);
          seen.push(here());
          try {
            yield* meeting.operation(seen);
          } finally {
            seen.push(here());
          }
          return { body: pieces(seen) };
        })(),
      ),
    ),
  "run() around an async handler of pieces, bound": (request) =>
    user.run(userOf(request), () =>
      bindContext(
        (async () => {
          await meeting.promise();
          return { body: pieces() };
        })(),
      ),
    ),
  "run() around stream() of an async generator": (request) =>
    user.run(userOf(request), () => stream(pieces())),
  "run() around an async generator, bound": (request) =>
    user.run(userOf(request), () => ({ body: bindContext(pieces()) })),
  "run() around stream() of a generator": (request) =>
    user.run(userOf(request), () =>
      stream(
        (function* () {
          yield `${here()}\n`;
          yield here();
        })(),
      ),
    ),
  "run() around stream() of an operation that writes": (request) =>
    user.run(userOf(request), () =>
      stream(function* (out) {
        const seen: string[] = [];
        yield* out.write(`${here()}\n`);
        yield* meeting.operation(seen);
        yield* out.write([...seen, here()].join("\n"));
      }),
    ),
  "run() around stream() of an async function that writes": (request) =>
    user.run(userOf(request), () =>
      stream(async (out) => {
        await out.write(`${here()}\n`);
        await meeting.promise();
        await out.write(here());
      }),
    ),
};

async function* pieces(seen: string[] = []) {
  yield `${here()}\n`;
  await meeting.promise();
  yield [...seen, here()].join("\n");
}

const WSGI_APP = wsgi((environ, startResponse) => {
  startResponse("200 OK", []);
  return (function* () {
    yield `${here()}\n`;
    yield here();
  })();
});

/** Asks as `USERS` users, `AT_A_TIME` together, and gives the users whose replies name somebody else. */
async function strangers(server: TestServer, path: string): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_A_TIME });
  const wrong: string[] = [];
  const ask = async (name: string): Promise<void> => {
    const seen = await reply(agent, `${server.url}${path}`, name);
    const names = new Set(seen.replaceAll("left: ", "").trim().split("\n"));
    if (names.size !== 1 || !names.has(name)) wrong.push(`${name}: ${seen}`);
  };
  for (let first = 0; first < USERS; first += AT_A_TIME)
    await Promise.all(
      Array.from({ length: AT_A_TIME }, (_, n) => ask(`user-${first + n}`)),
    );
  agent.destroy();
  return wrong;
}

function reply(agent: Agent, url: string, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { "x-user": name } }, (response) => {
      let body = "";
      response
        .setEncoding("utf8")
        .on("data", (text: string) => (body += text))
        .on("end", () => resolve(body));
    }).on("error", reject);
  });
}

describe("AsyncLocalStorage", () => {
  for (const [kind, handler] of Object.entries(HANDLERS))
    it(`in ${kind} holds the user of the request`, async () => {
      const server = await serveWith((loop) => {
        loop.mount("/", handler);
        loop.get("/nobody", here);
      });
      expect(await strangers(server, "/")).to.deep.equal([]);
      expect(await (await fetch(`${server.url}/nobody`)).text()).to.equal(
        "undefined",
      );
    });

  it("in wsgi() within run() holds the user of the request", async () => {
    const server = await serveWith((loop) =>
      loop.mount("/", (request) =>
        user.run(userOf(request), () => WSGI_APP(request)),
      ),
    );
    expect(await strangers(server, "/")).to.deep.equal([]);
  });

  it("in a thread begins anew with each request", async () => {
    const server = await serveWith((loop) =>
      loop.mount("/", threaded("async-context", "app")),
    );
    expect(await strangers(server, "/")).to.deep.equal([]);
  });

  it("in what wsgi() provides to threads holds the user of the request", async () => {
    const app = threaded("async-context", "asking", {
      provide: { user: () => here() },
    });
    const server = await serveWith((loop) =>
      loop.mount("/", {
        open: (surroundings) => app.open!(surroundings),
        handle: (request: GatewayRequest) =>
          user.run(userOf(request), () => bindContext(app.handle(request))),
      }),
    );
    expect(await strangers(server, "/")).to.deep.equal([]);
  });

  it("holds in the cleanups of a request whose client leaves", async () => {
    const seen: string[] = [];
    let entered = 0;
    let over = 0;
    const server = await serveWith((loop) => {
      loop.get("/operation", function* (request) {
        user.enterWith(userOf(request));
        request.signal.addEventListener("abort", () => user.enterWith("me"));
        try {
          entered++;
          yield* suspend();
        } finally {
          seen.push(here());
          yield* sleep(0);
          seen.push(here());
          over++;
        }
        return "never";
      });
      loop.get("/pieces", (request) =>
        user.run(userOf(request), () =>
          stream(
            (async function* () {
              try {
                entered++;
                for (;;) yield MORE_THAN_FITS;
              } finally {
                seen.push(here());
                over++;
              }
            })(),
          ),
        ),
      );
      loop.get("/", here);
    });
    const clients = [];
    for (const path of ["/operation", "/pieces"]) {
      const client = await RawClient.connect(server.port);
      client.request(`GET ${path}`, ["x-user: me"]);
      clients.push(client);
    }
    while (entered < 2) await (await fetch(`${server.url}/`)).text();
    for (const client of clients) client.abort();
    while (over < 2) await (await fetch(`${server.url}/`)).text();
    expect(seen).to.deep.equal(["me", "me", "me"]);
    expect(await (await fetch(server.url)).text()).to.equal("undefined");
  });
});
