import { setImmediate as tick } from "node:timers/promises";
import { expect } from "chai";
import { sleep, spawn, suspend, type Operation } from "effection";
import { stream, type GatewayResponse } from "../../../lib/index.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";

function* child(): Operation<void> {
  yield* sleep(3_600_000);
}

async function* seldom(): AsyncGenerator<string> {
  yield "x";
  await new Promise(() => {});
}

function* endless(): Generator<string> {
  for (;;) yield "x".repeat(65_536);
}

function* parent(): Operation<string> {
  yield* spawn(child);
  yield* suspend();
  return "never";
}

/** A client whose request is being handled. */
async function enter(
  server: Awaited<ReturnType<typeof serveWith>>,
  path: string,
) {
  const client = await RawClient.connect(server.port);
  client.request(`GET ${path}`);
  while (
    !server.loop.tasks().exchanges.some(({ name }) => name === `GET ${path}`)
  )
    await (await fetch(`${server.url}/`)).text();
  return client;
}

describe("loop.tasks()", () => {
  it("shows each exchange with its tasks, what they wait for and their age", async () => {
    const server = await serveWith((loop) => {
      loop.get("/", () => "here");
      loop.get("/operation", parent);
    });
    const client = await enter(server, "/operation");
    const { exchanges } = server.loop.tasks();
    expect(exchanges).to.have.length(1);
    const [exchange] = exchanges;
    expect(exchange).to.include({
      name: "GET /operation",
      waitsFor: "suspend",
    });
    expect(exchange!.ageMs).to.be.within(0, 60_000);
    expect(
      exchange!.children.map(({ name, waitsFor }) => [name, waitsFor]),
    ).to.deep.equal([["child", "sleep(3600000)"]]);
    client.abort();
  });

  const bodies: Record<string, () => GatewayResponse> = {
    "the next chunk of its body": () => stream(seldom()),
    "sleep(3600000)": () =>
      stream(function* (out) {
        yield* out.write("x");
        yield* child();
      }),
    "the client to take the reply": () => stream(endless()),
    "the client to take the reply, too": () =>
      stream(function* (out) {
        for (;;) yield* out.write("x".repeat(65_536));
      }),
    "the client to take the reply, of chunks to come": () =>
      stream(
        (async function* () {
          for (;;) yield "x".repeat(65_536);
        })(),
      ),
  };
  for (const [what, reply] of Object.entries(bodies))
    it(`shows what a stream waits for: ${what}`, async () => {
      const server = await serveWith((loop) => loop.get("/stream", reply));
      const client = await RawClient.connect(server.port);
      client.socket.pause();
      client.request("GET /stream");
      const expected = what.replace(/, .*/, "");
      const seen = (): unknown => server.loop.tasks().exchanges[0]?.waitsFor;
      while (seen() !== expected) await tick();
      for (let i = 0; i < 5; i++) await tick(); // and it stays so
      expect(seen()).to.equal(expected);
      client.abort();
    });

  it("shows the age of a request, also within its handler", async () => {
    const ages: number[] = [];
    const server = await serveWith((loop) => {
      const look = (): string => {
        ages.push(...loop.tasks().exchanges.map(({ ageMs }) => ageMs));
        return "seen";
      };
      loop.get("/function", look);
      loop.get("/async", async () => tick().then(look));
      loop.get("/operation", function* () {
        yield* sleep(1);
        return look();
      });
      loop.get("/stream", () =>
        stream(function* (out) {
          yield* out.write(look());
        }),
      );
      loop.get("/scope", (request) =>
        request.scope.run(function* () {
          return look();
        }),
      );
    });
    for (const path of ["function", "async", "operation", "stream", "scope"])
      await (await fetch(`${server.url}/${path}`)).text();
    expect(ages).to.have.length(5);
    for (const age of ages) expect(age).to.be.within(0, 500);
  });

  it("shows async handlers, with what they run in request.scope", async () => {
    const server = await serveWith((loop) => {
      loop.get("/", () => "here");
      loop.get("/async", (request) => {
        void request.scope.run(child);
        return new Promise(() => {});
      });
    });
    const client = await enter(server, "/async");
    const [exchange] = server.loop.tasks().exchanges;
    expect(exchange!.waitsFor).to.equal("the handler's promise");
    expect(exchange!.children.map(({ name }) => name)).to.deep.equal(["child"]);
    client.abort();
  });

  it("shows background tasks and resources", async () => {
    const server = await serveWith((loop) =>
      loop.mount({
        handle: () => "",
        *open() {
          yield* spawn(child);
        },
      }),
    );
    server.loop.run(parent);
    const { background, resources } = server.loop.tasks();
    expect(
      background.map(({ name, children }) => [name, children[0]!.name]),
    ).to.deep.equal([["parent", "child"]]);
    expect(resources[0]!.children.map(({ name }) => name)).to.deep.equal([
      "child",
    ]);
  });

  it("is empty again when all have ended", async () => {
    const server = await serveWith((loop) => {
      loop.get("/", () => "here");
      loop.get("/operation", parent);
    });
    const client = await enter(server, "/operation");
    client.abort();
    await server.logged(({ msg }) => msg !== undefined);
    while (server.loop.tasks().exchanges.length > 0)
      await (await fetch(server.url)).text();
    expect(server.loop.tasks()).to.deep.equal({
      exchanges: [],
      sockets: [],
      background: [],
      resources: [],
    });
  });
});

describe("loop.halt()", () => {
  it("halts one exchange: its client gets 503, the others go on", async () => {
    const ended: string[] = [];
    const server = await serveWith(
      (loop) => {
        loop.get("/", () => "here");
        loop.get("/halted", function* () {
          try {
            yield* suspend();
          } finally {
            ended.push("halted");
          }
          return "never";
        });
        loop.get("/other", parent);
      },
      { accessLog: true },
    );
    const halted = await enter(server, "/halted");
    const other = await enter(server, "/other");
    const { id } = server.loop
      .tasks()
      .exchanges.find(({ name }) => name === "GET /halted")!;
    expect(server.loop.halt(id)).to.equal(true);
    await halted.until(/^HTTP\/1\.1 503 /);
    expect(ended).to.deep.equal(["halted"]);
    expect(server.loop.tasks().exchanges.map(({ name }) => name)).to.deep.equal(
      ["GET /other"],
    );
    await server.logged(
      ({ requestId, outcome }) => requestId === id && outcome === "error",
    );
    other.abort();
    halted.abort();
  });

  it("cuts the connection when the head is out", async () => {
    const server = await serveWith((loop) => {
      loop.get("/", () => "here");
      loop.get("/stream", () =>
        stream(function* (out) {
          yield* out.write("begun");
          yield* suspend();
        }),
      );
    });
    const client = await enter(server, "/stream");
    await client.until(/begun/);
    server.loop.halt(server.loop.tasks().exchanges[0]!.id);
    expect(await client.untilClosed()).not.to.match(/\r\n0\r\n\r\n$/);
  });

  it("knows nothing of other ids", async () => {
    const server = await serveWith((loop) => loop.mount(() => ""));
    expect(server.loop.halt("nobody")).to.equal(false);
  });
});

describe("A cleanup that does not end", () => {
  function* stubborn(): Operation<string> {
    try {
      yield* suspend();
    } finally {
      yield* suspend();
    }
    return "never";
  }

  it("is named in the log, and does not keep the loop from its end", async () => {
    const server = await serveWith(
      (loop) => {
        loop.get("/", () => "here");
        loop.get("/stubborn", stubborn);
      },
      { teardownTimeoutMs: 10, drainTimeoutMs: 10 },
    );
    server.expectLog(/has not ended within 10 ms/, /had to be halted/);
    const client = await enter(server, "/stubborn");
    client.abort();
    const line = await server.logged(
      ({ msg }) => msg?.startsWith("GET /stubborn was halted") ?? false,
    );
    expect(line.waitsFor).to.equal("suspend");
    await server.loop.close();
  });
});
