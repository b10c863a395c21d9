import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { suspend, type Operation } from "effection";
import { afterEach } from "mocha";
import { wsgi } from "../../../adapters/wsgi.ts";
import {
  json,
  ListenError,
  stream,
  UsageError,
  type Loop,
  type LoopOptions,
} from "../../../lib/index.ts";
import { encodePacket } from "../../../adapters/uwsgi/packet.ts";
import { Gate } from "../../support/gate.ts";
import { folderWith } from "../../support/folder.ts";
import { RawClient } from "../../support/raw-client.ts";
import { ROOT } from "../../support/root.ts";
import { TestServer } from "../../support/server.ts";

const GET = {
  REQUEST_METHOD: "GET",
  REQUEST_URI: "/",
  HTTP_HOST: "example.org",
  REMOTE_ADDR: "192.0.2.7",
};

async function listen(
  setup: (loop: Loop) => unknown,
  options: Omit<LoopOptions, "log"> = {},
  uwsgi = "127.0.0.1:0",
  halfOpen?: boolean,
): Promise<TestServer> {
  const server = new TestServer({ accessLog: true, ...options });
  setup(server.loop);
  server.address = await server.loop.listen({
    uwsgi,
    ...(halfOpen !== undefined && { halfOpen }),
  });
  return server;
}

/** A connection with a packet on it. */
async function ask(
  server: TestServer,
  variables: Record<string, string>,
  body = "",
): Promise<RawClient> {
  const client = await RawClient.connect(
    server.address.unix ?? server.address.port!,
  );
  const packet = encodePacket({ ...GET, ...variables }).toString("latin1");
  return client.send(packet + body);
}

async function reply(
  server: TestServer,
  variables: Record<string, string> = {},
  body = "",
): Promise<string> {
  return await (await ask(server, variables, body)).untilClosed();
}

const look = (loop: Loop): unknown =>
  loop.mount((request) =>
    json({
      method: request.method,
      path: request.path,
      query: request.queryString,
      host: request.host,
      scheme: request.scheme,
      remoteAddress: request.remoteAddress,
      headers: request.headers.raw,
    }),
  );

/** What the application saw. */
async function seen(
  server: TestServer,
  variables: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const text = await reply(server, variables);
  return JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4));
}

describe("listen({ uwsgi: server })", () => {
  it("sends each piece of a generator that uses its buffer again", async () => {
    const server = await listen((loop) =>
      loop.mount(() =>
        stream(
          (function* () {
            const buffer = Buffer.alloc(1);
            for (const letter of "abc") {
              buffer.write(letter);
              yield buffer;
            }
          })(),
        ),
      ),
    );
    expect(await reply(server)).to.match(/\r\n\r\nabc$/);
  });

  it("is refused for a server that does not listen, and leaves nothing behind", () => {
    const program = `
      import { createServer } from "node:net";
      import { Loop } from ${JSON.stringify(join(ROOT, "dist/lib/index.js"))};
      const loop = new Loop({ log: false }).mount(() => "x");
      const server = createServer();
      await loop.listen({ uwsgi: server }).catch((error) => console.log(String(error)));
      console.log(server.listenerCount("connection"));`;
    const { stdout, status } = spawnSync(
      process.execPath,
      ["--input-type=module", "-e", program],
      { encoding: "utf8", timeout: 10_000 },
    );
    expect(status).to.equal(0);
    expect(stdout).to.match(
      /^UsageError: the server of listen\(\{ uwsgi: server \}\) does not listen; .*\n0\n$/,
    );
  });
});

describe("listen({ uwsgi, halfOpen: true })", () => {
  /** Until the loop has read that the front server has closed its side. */
  const closing = async ({ loop }: TestServer): Promise<void> => {
    while (loop.tally.accepted === 0) await new Promise(setImmediate);
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  };

  for (const where of ["127.0.0.1:0", "unix"])
    it(`sends its reply to a front server that has closed its side, at ${where}`, async () => {
      const finished = new Gate();
      const server = await listen(
        (loop) =>
          loop
            .get("/", async () => {
              await finished.opened;
              return "late";
            })
            .post("/", async (request) => {
              const text = await request.text();
              await finished.opened;
              return text;
            })
            .post("/unread", async () => {
              await finished.opened;
              return Buffer.alloc(5e6, "x");
            }),
        {},
        where === "unix" ? `unix:${join(folderWith({}), "uwsgi.sock")}` : where,
        true,
      );
      const length = { REQUEST_METHOD: "POST", CONTENT_LENGTH: "4" };
      const fronts = [
        await ask(server, {}),
        await ask(server, length, "body"),
        await ask(server, { ...length, REQUEST_URI: "/unread" }, "body"),
      ].map((front) => front.finish());
      await closing(server);
      finished.open();
      const [one, two, three] = await Promise.all(
        fronts.map((front) => front.untilClosed()),
      );
      expect(one).to.match(/\r\n\r\nlate$/);
      expect(two).to.match(/\r\n\r\nbody$/);
      expect(three).to.match(/\r\n\r\nx{5000000}$/);
      expect(server.loop.tally).to.include({ accepted: 3, ok: 3 });
    });

  it("does not wait for the rest of half a request", async () => {
    const server = await listen(
      (loop) => loop.mount((request) => request.text()),
      {},
      undefined,
      true,
    );
    const length = { REQUEST_METHOD: "POST", CONTENT_LENGTH: "9" };
    const client = (await ask(server, length, "body")).finish();
    expect(await client.untilClosed()).to.equal("");
    const line = await server.logged(({ msg }) => msg === "request");
    expect(line.outcome).to.equal("abort");
  });

  it("takes nothing else beside", async () => {
    const { loop } = new TestServer();
    const error: unknown = await loop
      .listen({ uwsgi: "127.0.0.1:0", share: true })
      .catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(UsageError);
    expect(String(error)).to.include("takes halfOpen, and nothing else");
  });
});

describe("listen({ uwsgi })", () => {
  it("reaches routes, async handlers, operations, and WSGI-style applications", async () => {
    const server = await listen((loop) => {
      loop.get("/users/:id", ({ params }) => `user ${params["id"]}`);
      loop.mount("/async", async () => "async");
      loop.mount("/op", function* () {
        return "operation";
      });
      loop.mount(
        "/wsgi",
        wsgi((environ, start) => {
          start("200 OK", []);
          return [`${environ.SCRIPT_NAME} ${environ.PATH_INFO}`];
        }),
      );
    });
    for (const [uri, text] of [
      ["/users/5", "user 5"],
      ["/async", "async"],
      ["/op", "operation"],
      ["/wsgi/a%20b", "/wsgi /a b"],
      ["/nowhere", "nothing is here\n"],
    ] as const)
      expect(await reply(server, { REQUEST_URI: uri })).to.match(
        new RegExp(`\r\n\r\n${text}$`),
      );
  });

  it("says who asks, how and for what", async () => {
    const server = await listen(look);
    const request = await seen(server, {
      REQUEST_METHOD: "PROPFIND",
      REQUEST_URI: "/a%2Fb?c=%20",
      HTTPS: "on",
      HTTP_X_ONE: "caf",
      HTTP_CONNECTION: "upgrade",
      HTTP_CONTENT_LENGTH: "77",
      HTTP_TRANSFER_ENCODING: "chunked",
      CONTENT_TYPE: "text/x",
      CONTENT_LENGTH: "",
    });
    expect(request).to.deep.include({
      method: "PROPFIND",
      path: "/a%2Fb",
      query: "c=%20",
      host: "example.org",
      scheme: "https",
      remoteAddress: "192.0.2.7",
    });
    expect(request["headers"]).to.deep.equal([
      "host",
      "example.org",
      "content-type",
      "text/x",
      "content-length",
      "0",
      "x-one",
      "caf",
    ]);
    const { remoteAddress } = server.accessLines[0]!;
    expect(remoteAddress).to.equal("192.0.2.7");
  });

  it("knows clients by IPv6, and those without an address", async () => {
    const server = await listen(look);
    const at = async (address: string): Promise<unknown> =>
      (await seen(server, { REMOTE_ADDR: address }))["remoteAddress"];
    expect(await at("2001:db8::7")).to.equal("2001:db8::7");
    expect(await at("unix:")).to.equal("");
  });

  it("follows the proxies before the front server", async () => {
    const server = await listen(look, { trustProxy: ["10.0.0.0/8"] });
    const forwarded = { HTTP_X_FORWARDED_FOR: "192.0.2.1" };
    const request = await seen(server, {
      ...forwarded,
      REMOTE_ADDR: "10.1.2.3",
    });
    expect(request["remoteAddress"]).to.equal("192.0.2.1");
    const spoofed = await seen(server, {
      ...forwarded,
      REMOTE_ADDR: "192.0.2.9",
    });
    expect(spoofed["remoteAddress"]).to.equal("192.0.2.9");
  });

  it("makes the path of decoded variables where the client's own is missing", async () => {
    const server = await listen(look);
    const request = await seen(server, {
      REQUEST_URI: "",
      SCRIPT_NAME: "/app",
      PATH_INFO: "/caf\xc3\xa9 ?#",
      QUERY_STRING: "a=b",
    });
    expect(request).to.include({
      path: "/app/caf%C3%A9%20%3F%23",
      query: "a=b",
    });
  });

  it("makes a host of SERVER_NAME and SERVER_PORT for HTTP/1.0", async () => {
    const server = await listen(look);
    const named = {
      HTTP_HOST: "",
      SERVER_NAME: "a.example",
      SERVER_PORT: "81",
    };
    expect((await seen(server, named))["host"]).to.equal("a.example:81");
  });

  it("takes a body, whatever its pieces", async () => {
    const server = await listen((loop) =>
      loop.mount(async (request) => request.bytes()),
    );
    const client = await ask(
      server,
      { REQUEST_METHOD: "POST", CONTENT_LENGTH: "6" },
      "ab",
    );
    await new Promise(setImmediate);
    client.send("cd");
    await new Promise(setImmediate);
    client.send("ef, and what belongs to nothing");
    expect(await client.untilClosed()).to.match(
      /content-length: 6\r\n\r\nabcdef$/i,
    );
  });

  it("hands back a streamed reply without chunks, and nothing of HEAD's body", async () => {
    const server = await listen((loop) =>
      loop.mount(() => stream(["a", "b", "c"])),
    );
    const text = await reply(server);
    expect(text).to.match(/^HTTP\/1.1 200 OK\r\n/);
    expect(text).to.not.match(/transfer-encoding|connection/i);
    expect(text).to.match(/\r\n\r\nabc$/);
    const head = await reply(server, { REQUEST_METHOD: "HEAD" });
    expect(head).to.match(/\r\n\r\n$/);
  });

  it("sends a first chunk before there is a second", async () => {
    const server = await listen((loop) =>
      loop.mount(() => stream((out) => forever(out.write("first")))),
    );
    const client = await ask(server, {});
    await client.until(/\r\n\r\nfirst$/);
    client.abort();
  });

  function* forever(first: Operation<void>): Operation<void> {
    yield* first;
    yield* suspend();
  }

  it("hands back 20 MB in chunks to a front that takes its time", async () => {
    function* chunks(): Generator<Uint8Array> {
      for (let i = 0; i < 300; i++) yield Buffer.alloc(65_536, "x");
    }
    const server = await listen((loop) => loop.mount(() => stream(chunks())));
    const client = await ask(server, {});
    client.socket.pause();
    while (server.loop.tally.accepted === 0) await new Promise(setImmediate);
    client.socket.resume();
    const text = await client.untilClosed();
    expect(text.length - text.indexOf("\r\n\r\n") - 4).to.equal(300 * 65_536);
  });

  it("halts the request when the front server leaves", async () => {
    let ended = 0;
    function* ticks(): Generator<string> {
      try {
        for (;;) yield "tick\n".repeat(1000);
      } finally {
        ended++;
      }
    }
    const server = await listen((loop) => loop.mount(() => stream(ticks())));
    const client = await ask(server, {});
    await client.until(/tick/);
    client.abort();
    const line = await server.logged(({ msg }) => msg === "request");
    expect(line.outcome).to.equal("abort");
    expect(ended).to.equal(1);
  });

  it("takes a front server that has closed its side for one that has left", async () => {
    const server = await listen((loop) =>
      loop.mount(() => new Promise<string>(() => {})),
    );
    const client = (await ask(server, {})).finish();
    expect(await client.untilClosed()).to.equal("");
    const line = await server.logged(({ msg }) => msg === "request");
    expect(line.outcome).to.equal("abort");
  });

  it("cuts the connection when the reply breaks off", async () => {
    let fail!: () => void;
    const told = new Promise<void>((resolve) => (fail = resolve));
    async function* failing(): AsyncGenerator<string> {
      yield "begun";
      await told;
      throw new Error("on purpose");
    }
    const server = await listen((loop) => loop.mount(() => stream(failing())));
    server.expectLog(/on purpose/);
    const client = await ask(server, {});
    let reset = false;
    client.socket.on("error", () => (reset = true));
    await client.until(/begun/);
    fail();
    await client.untilClosed();
    expect(reset).to.equal(true);
  });

  for (const [what, variables] of Object.entries({
    "no method": { REQUEST_METHOD: "" },
    "a method with a line break": {
      REQUEST_METHOD: "GET / HTTP/1.1\r\nx: y\r\n",
    },
    "a path with a space": { REQUEST_URI: "/a b" },
    "a path with a line break": { REQUEST_URI: "/\r\nx: y" },
    "a path that is not valid": { REQUEST_URI: "http://example.org/" },
    "a header with a line break": { HTTP_X: "a\r\nx-evil: 1" },
    "a header with a NUL": { HTTP_X: "a\0b" },
    "a header's name with a line break": { "HTTP_X\r\ny": "a" },
    "a length that is not valid": { CONTENT_LENGTH: "1, 2" },
    "a host with a line break": { HTTP_HOST: "a\r\nb: c" },
  }))
    it(`refuses ${what}`, async () => {
      const server = await listen(look);
      expect(await reply(server, variables)).to.match(/^HTTP\/1.1 400 /);
      expect(server.loop.tally.accepted).to.equal(0);
    });

  it("refuses what is not a packet", async () => {
    const server = await listen(look);
    const client = await RawClient.connect(server.address.port!);
    client.send("GET / HTTP/1.1\r\n\r\n");
    expect(await client.untilClosed()).to.match(/^HTTP\/1.1 400 /);
  });

  it("keeps to the loop's limits", async () => {
    const server = await listen((loop) => loop.mount(async (r) => r.bytes()), {
      maxBodyBytes: 10,
      maxHeaderBytes: 1000,
    });
    const long = await reply(server, {
      REQUEST_METHOD: "POST",
      CONTENT_LENGTH: "11",
    });
    expect(long).to.match(/^HTTP\/1.1 413 /);
    expect(await reply(server, { HTTP_X: "x".repeat(1000) })).to.match(
      /^HTTP\/1.1 431 /,
    );
    expect(await reply(server, { HTTP_X: "x".repeat(60_000) })).to.match(
      /^HTTP\/1.1 431 /,
    );
  });

  it("lets go of a front whose upload was answered before its end", async () => {
    const server = await listen(look);
    const client = await ask(server, {
      REQUEST_METHOD: "POST",
      CONTENT_LENGTH: "20000000",
    });
    client.socket.allowHalfOpen = true; // it goes on sending
    await client.until(/^HTTP\/1.1 413 /);
    client.send("x".repeat(10_000_000)).socket.end();
    await client.untilClosed();
  });

  for (const [what, setup, answer] of [
    ["at once", (loop) => loop.mount(() => "early"), /^early$/],
    [
      "after a while",
      (loop) =>
        loop.mount(async () => {
          await new Promise(setImmediate);
          return "x".repeat(1_000_000);
        }),
      /^x{1000000}$/,
    ],
    ["that it is too long", look, /^the body is longer than /],
  ] as [string, (loop: Loop) => unknown, RegExp][])
    it(`gets its reply to a front that has sent 20 MB in one go, and is answered ${what}`, async () => {
      const limits =
        answer.source === "^the body is longer than "
          ? {}
          : { maxBodyBytes: 20_000_000 };
      const server = await listen(setup, limits);
      const variables = {
        REQUEST_METHOD: "POST",
        CONTENT_LENGTH: "20000000",
      };
      for (let tries = 0; tries < 3; tries++) {
        const text = await reply(server, variables, "x".repeat(20_000_000));
        expect(text.slice(text.indexOf("\r\n\r\n") + 4)).to.match(answer);
      }
    });

  it("does not listen for ever to a front that has its reply and goes on sending", async () => {
    const server = await listen(look, { idleTimeoutMs: 1000 });
    const client = await ask(server, {
      REQUEST_METHOD: "POST",
      CONTENT_LENGTH: "900000000000000",
    });
    client.socket.allowHalfOpen = true;
    const more = Buffer.alloc(65_536);
    const send = (): void => {
      if (!client.closed) client.socket.write(more, () => setImmediate(send)); // also after the end
    };
    send();
    expect(await client.untilClosed()).to.match(/^HTTP\/1.1 413 /);
  });

  it("lets what runs finish when the loop closes", async () => {
    let answer!: (text: string) => void;
    const server = await listen((loop) =>
      loop.mount(() => new Promise<string>((resolve) => (answer = resolve))),
    );
    const client = await ask(server, {});
    while (server.loop.tally.accepted === 0) await new Promise(setImmediate);
    const idle = await RawClient.connect(server.address.port!);
    const closing = server.loop.close();
    await new Promise(setImmediate);
    answer("x".repeat(1_000_000));
    const { halted } = await closing;
    expect(halted).to.deep.equal([]);
    expect((await client.untilClosed()).length).to.be.greaterThan(1_000_000);
    await idle.untilClosed();
  });

  it("lets go of a front that keeps its connection when the loop closes", async () => {
    const server = await listen(look, { teardownTimeoutMs: 30_000 });
    const client = await ask(server, {});
    client.socket.allowHalfOpen = true;
    await client.until(/}/);
    const { durationMs } = await server.loop.close();
    expect(durationMs).to.be.lessThan(3000);
    client.abort();
  });

  it("answers a HEAD that is malformed as any other request", async () => {
    const server = await listen(look);
    const head = { REQUEST_METHOD: "HEAD", HTTP_HOST: "a b" };
    expect(await reply(server, head)).to.match(/^HTTP\/1.1 400 /);
  });

  it("listens on a Unix socket, and leaves nothing behind", async () => {
    const path = join(folderWith({}), "uwsgi.sock");
    const server = await listen(look, {}, `unix:${path}`);
    expect(server.address.url).to.equal(`uwsgi+unix:${path}`);
    expect(await seen(server)).to.include({ remoteAddress: "192.0.2.7" });
    await server.loop.close();
    expect(existsSync(path)).to.equal(false);
  });

  describe("says clearly why it cannot listen:", () => {
    let close: (() => void) | undefined;
    afterEach(() => close?.());

    it("a taken port", async () => {
      const other = createServer().listen(0, "127.0.0.1");
      close = () => other.close();
      await new Promise((resolve) => other.once("listening", resolve));
      const { port } = other.address() as { port: number };
      const error = await listen(look, {}, `127.0.0.1:${port}`).catch((e) => e);
      expect(error).to.be.instanceOf(ListenError);
      expect(error.message).to.match(/another process listens there/);
    });

    it("a file in the way", async () => {
      const path = join(folderWith({ file: "" }), "file");
      writeFileSync(path, "");
      const error = await listen(look, {}, `unix:${path}`).catch((e) => e);
      expect(error).to.be.instanceOf(ListenError);
      expect(error.message).to.match(/is not a socket/);
    });

    it("an address that is not valid", async () => {
      const error = await listen(look, {}, "localhost:70000").catch((e) => e);
      expect(error).to.be.instanceOf(UsageError);
    });
  });
});
