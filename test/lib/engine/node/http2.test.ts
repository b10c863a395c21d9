/** HTTP/2 on the engine "node": a stream is an exchange. */
import { once } from "node:events";
import {
  connect,
  constants,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { setImmediate } from "node:timers/promises";
import { buffer, text } from "node:stream/consumers";
import { expect } from "chai";
import { suspend } from "effection";
import {
  json,
  stream,
  UsageError,
  type ListenOptions,
  type Loop,
  type LoopOptions,
} from "../../../../lib/index.ts";
import { CERTIFICATE } from "../../../support/certificate.ts";
import { Gate } from "../../../support/gate.ts";
import { afterTest } from "../../../support/hooks.ts";
import { itOnUws } from "../../../support/native.ts";
import { serveWith, TestServer } from "../../../support/server.ts";

const LISTENERS: Record<string, ListenOptions> = {
  "TLS (ALPN)": { http2: true, tls: CERTIFICATE },
  "prior knowledge": { http2: true },
};

function* reused(): Generator<Uint8Array> {
  const buffer = Buffer.alloc(1);
  for (const letter of "abc") {
    buffer.write(letter);
    yield buffer;
  }
}

for (const [how, target] of Object.entries(LISTENERS))
  describe(`HTTP/2 by ${how}`, () => {
    const serve = (
      setup: (loop: Loop) => unknown,
      options: Omit<LoopOptions, "log"> = {},
    ): Promise<TestServer> =>
      serveWith(setup, { accessLog: true, ...options }, target);

    function open({ url }: TestServer): ClientHttp2Session {
      const session = connect(url, { rejectUnauthorized: false });
      session.on("error", () => {});
      afterTest(() => session.destroy());
      return session;
    }

    async function ask(
      session: ClientHttp2Session,
      headers: OutgoingHttpHeaders = {},
      body?: string | Uint8Array,
    ): Promise<[IncomingHttpHeaders, string]> {
      const asked = session.request(headers, { endStream: body === undefined });
      if (body !== undefined) asked.end(body);
      const [reply] = (await once(asked, "response")) as [IncomingHttpHeaders];
      return [reply, await text(asked)];
    }

    it("sends each piece of a generator that uses its buffer again", async () => {
      const server = await serve((loop) => loop.mount(() => stream(reused())));
      const [, body] = await ask(open(server));
      expect(body).to.equal("abc");
    });

    it("serves HTTP/1.1 on the same port", async () => {
      const server = await serve((loop) => loop.mount(() => "hello"));
      const [reply, body] = await ask(open(server));
      expect([reply[":status"], body]).to.deep.equal([200, "hello"]);
      expect(reply).to.include({ "content-length": "5" });
      expect(reply).to.have.property("date");
      const get = target.tls ? getHttps : getHttp;
      const options = { rejectUnauthorized: false, agent: false };
      const [old] = await once(get(server.url, options), "response");
      expect([old.httpVersion, await text(old)]).to.deep.equal([
        "1.1",
        "hello",
      ]);
    });

    it("gives an application what it would get by HTTP/1.1", async () => {
      const server = await serve((loop) =>
        loop.mount((request) => {
          const { method, path, queryString, host, scheme } = request;
          const { remoteAddress, headers, cookies } = request;
          const fields = [headers.get("x"), cookies["a"], cookies["b"]];
          const told = [method, path, queryString, host, scheme];
          return json([...told, remoteAddress, ...fields]);
        }),
      );
      const headers = { ":path": "/p?q", x: "1", cookie: ["a=1", "b=2"] };
      const [, body] = await ask(open(server), headers);
      const scheme = target.tls ? "https" : "http";
      const host = `127.0.0.1:${server.port}`;
      expect(JSON.parse(body)).to.deep.equal([
        "GET",
        "/p",
        "q",
        host,
        scheme,
        "127.0.0.1",
        "1",
        "1",
        "2",
      ]);
      const line = await server.logged(({ msg }) => msg === "request");
      expect(line).to.include({
        outcome: "ok",
        path: "/p",
        bytes: body.length,
      });
    });

    it("has heads alone, fields that are repeated, and none of a connection", async () => {
      const server = await serve((loop) =>
        loop
          .get("/204", () => null)
          .get("/", () => ({
            headers: [
              ["set-cookie", "a=1"],
              ["set-cookie", "b=2"],
              ["X-Latin", "\xe9"],
              ["connection", "close"],
            ],
            body: "body",
          })),
      );
      const session = open(server);
      const [none] = await ask(session, { ":path": "/204" });
      expect(none[":status"]).to.equal(204);
      const [head, empty] = await ask(session, { ":method": "HEAD" });
      expect([head["content-length"], empty]).to.deep.equal(["4", ""]);
      const [reply, body] = await ask(session);
      expect(reply["set-cookie"]).to.deep.equal(["a=1", "b=2"]);
      expect(reply).not.to.have.property("connection");
      expect(body).to.equal("body");
    });

    it("sends what Node throws at: fields that come twice become a list, those of requests are left out", async () => {
      const headers: [string, string][] = [
        ["etag", '"1"'],
        ["etag", '"2"'],
        ["te", "gzip"],
        ["http2-settings", "x"],
      ];
      const server = await serve((loop) =>
        loop.mount(() => ({ headers, body: "body" })),
      );
      const session = open(server);
      for (const method of ["GET", "HEAD"]) {
        const [reply] = await ask(session, { ":method": method });
        expect([reply[":status"], reply["etag"]]).to.deep.equal([
          200,
          '"1", "2"',
        ]);
        expect(reply).not.to.have.any.keys("te", "http2-settings");
      }
    });

    it("takes bodies with a length and without one", async () => {
      const server = await serve(
        (loop) => loop.mount(async (r) => String((await r.bytes()).length)),
        { maxBodyBytes: 10_000_000 },
      );
      const session = open(server);
      const bytes = Buffer.alloc(3_000_000);
      const post = { ":method": "POST" };
      const sized = { ...post, "content-length": bytes.length };
      expect((await ask(session, sized, bytes))[1]).to.equal("3000000");
      expect((await ask(session, post, bytes))[1]).to.equal("3000000");
      expect((await ask(session, post))[1]).to.equal("0");
    });

    it("refuses a body that is too large, and serves the next request on the connection", async () => {
      const server = await serve((loop) => loop.mount((r) => r.text()), {
        maxBodyBytes: 10,
      });
      const session = open(server);
      const post = { ":method": "POST" };
      const [reply] = await ask(session, post, "x".repeat(200_000));
      expect(reply[":status"]).to.equal(413);
      expect((await ask(session, post, "short"))[1]).to.equal("short");
    });

    it("invites a body that is waited for", async () => {
      const server = await serve((loop) => loop.mount((r) => r.text()));
      const headers = { ":method": "POST", expect: "100-continue" };
      const asked = open(server).request(headers);
      await once(asked, "continue");
      expect(await text(asked.end("body"))).to.equal("body");
    });

    it("streams at the client's pace, while others are served", async () => {
      let made = 0;
      function* chunks(): Generator<Uint8Array> {
        for (; made < 1000; made++) yield Buffer.alloc(65_536);
      }
      const server = await serve((loop) =>
        loop.get("/chunks", () => stream(chunks())).get("/", () => "other"),
      );
      const session = open(server);
      const asked = session.request({ ":path": "/chunks" });
      await once(asked, "response");
      for (let turns = 0; turns < 50; turns++)
        expect((await ask(session))[1]).to.equal("other");
      expect(made).to.be.below(200);
      expect(await buffer(asked)).to.have.lengthOf(1000 * 65_536);
    });

    it("ends with its client: a reset is an abort, and so is the end of the connection", async () => {
      const inside = [new Gate(), new Gate()];
      let calls = 0;
      const server = await serve((loop) =>
        loop.mount(function* () {
          inside[calls++]!.open();
          yield* suspend();
          return "";
        }),
      );
      const session = open(server);
      const [first, second] = [session.request(), session.request()];
      for (const asked of [first, second]) asked.on("error", () => {});
      await Promise.all(inside.map((gate) => gate.opened));
      first.close(constants.NGHTTP2_CANCEL);
      await server.logged(({ outcome }) => outcome === "abort");
      expect(server.loop.tally.abort).to.equal(1);
      session.destroy();
      while (server.loop.tally.abort < 2) await setImmediate();
      expect(server.loop.tasks().exchanges).to.deep.equal([]);
    });

    it("cuts a stream that fails, and no other", async () => {
      const server = await serve((loop) =>
        loop
          .get("/", () => "other")
          .get("/failing", () =>
            stream(async (out) => {
              await out.write("begun");
              throw new Error("broken off");
            }),
          ),
      );
      server.expectLog(/broken off/);
      const session = open(server);
      const asked = session.request({ ":path": "/failing" }).resume();
      const [error] = (await once(asked, "error")) as [Error];
      expect(error.message).to.include("NGHTTP2_INTERNAL_ERROR");
      expect((await ask(session))[1]).to.equal("other");
    });

    it("drains: what runs is answered, nothing more is taken, and the connection ends", async () => {
      const [inside, finish] = [new Gate(), new Gate()];
      const server = await serve((loop) =>
        loop.mount(async () => {
          inside.open();
          await finish.opened;
          return "last";
        }),
      );
      const session = open(server);
      const goaway = once(session, "goaway");
      const reply = ask(session);
      await inside.opened;
      const closing = server.loop.close();
      await goaway;
      finish.open();
      expect((await reply)[1]).to.equal("last");
      expect((await closing).halted).to.deep.equal([]);
      if (!session.closed) await once(session, "close");
    });

    it("outlives clients that reset what they have asked for, at once and a thousand times", async () => {
      const server = await serve((loop) =>
        loop
          .get("/", () => "fine")
          .get("/parked", function* () {
            yield* suspend();
            return "";
          }),
      );
      const session = open(server);
      for (let i = 0; i < 1000 && !session.destroyed; i++) {
        const asked = session.request({ ":path": "/parked" });
        asked.on("error", () => {}).close(constants.NGHTTP2_CANCEL);
        if (i % 50 === 0) await setImmediate();
      }
      expect((await ask(open(server)))[1]).to.equal("fine");
      while (server.loop.tasks().exchanges.length > 0) await setImmediate();
    });

    it("serves on behind long replies that were reset on the same connection", async () => {
      const server = await serve((loop) =>
        loop.get("/long", () => "x".repeat(4_000_000)).get("/", () => "next"),
      );
      const session = open(server);
      for (let i = 0; i < 5; i++) {
        const asked = session.request({ ":path": "/long" });
        asked.on("error", () => {});
        await once(asked, "response");
        asked.close(constants.NGHTTP2_CANCEL);
        await once(asked, "close");
      }
      expect((await ask(session))[1]).to.equal("next");
    });

    it("lets go of a connection that is silent, but not while an application works for it", async () => {
      const [inside, finish] = [new Gate(), new Gate()];
      const server = await serve(
        (loop) =>
          loop.mount(async () => {
            inside.open();
            await finish.opened;
            return "late";
          }),
        { idleTimeoutMs: 500 }, // which a handshake has, too
      );
      const session = open(server);
      const reply = ask(session);
      await inside.opened;
      await new Promise((resolve) => setTimeout(resolve, 1200)); // the subject is time
      finish.open();
      expect((await reply)[1]).to.equal("late");
      await once(session, "close");
    });
  });

describe("listen({ http2: true })", () => {
  itOnUws('is an error with the engine "uws"', async () => {
    const server = new TestServer({ engine: "uws" });
    const error = await server.loop
      .listen({ port: 0, http2: true })
      .catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(UsageError);
    expect(String(error)).to.include('take the engine "node"');
  });
});
