import { expect } from "chai";
import { each, stream, subscribe, type Future } from "effection";
import { mock } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Reason } from "../../../lib/common/reason.ts";
import { BodyWaits } from "../../../lib/request/body-waits.ts";
import { RequestBody } from "../../../lib/request/body.ts";
import { SpillBudget } from "../../../lib/request/spill.ts";
import type { Inlet } from "../../../lib/engine/engine.ts";
import {
  BodyStorageError,
  BodyTooLargeError,
  BodyUsedError,
  HttpError,
  json,
  type GatewayRequest,
  type Handler,
} from "../../../lib/index.ts";
import { afterTest } from "../../support/hooks.ts";
import { madeErrors } from "../../support/made-errors.ts";
import { RawClient } from "../../support/raw-client.ts";
import { onEachEngine } from "../../support/engines.ts";

onEachEngine(({ serveWith }) => {
  const post = (url: string, body: BodyInit | null): Promise<Response> =>
    fetch(url, { method: "POST", body });

  /** As JSON shows it. */
  function plain(value: unknown): unknown {
    if (value instanceof FormData) return [...value];
    return value instanceof Uint8Array ? [...value] : value;
  }

  describe("A body", () => {
    const smile = "Zoë \u{1f600}";
    type Read = (request: GatewayRequest) => Future<unknown>;
    const reads: [
      title: string,
      read: Read,
      body: BodyInit | null,
      found: unknown,
    ][] = [
      ["text", (request) => request.text(), smile, smile],
      ["JSON", (request) => request.json(), '{"a":[1]}', { a: [1] }],
      ["bytes", (request) => request.bytes(), Uint8Array.of(0, 255), [0, 255]],
      [
        "a form",
        (request) => request.form(),
        new URLSearchParams("a=1"),
        [["a", "1"]],
      ],
      ["text where there is none", (request) => request.text(), null, ""],
      ["bytes where there is none", (request) => request.bytes(), null, []],
    ];
    for (const [title, read, body, found] of reads) {
      const styles: Record<string, Handler> = {
        awaited: async (request) => json(plain(await read(request))),
        "awaited later": async (request) => {
          await setImmediate();
          return json(plain(await read(request)));
        },
        *"yielded to"(request) {
          return json(plain(yield* read(request)));
        },
      };
      for (const [style, handler] of Object.entries(styles))
        it(`is ${style} as ${title}`, async () => {
          const server = await serveWith((loop) => loop.mount(handler));
          const response = await post(server.url, body);
          expect(await response.json()).to.deep.equal(found);
        });
    }

    const iterations: Record<string, Handler> = {
      async "for await"({ body, log }) {
        for await (const chunk of body) log.info(String(chunk));
        return "all";
      },
      *"effection's each"({ body, log }) {
        for (const chunk of yield* each(stream(body))) {
          log.info(String(chunk));
          yield* each.next();
        }
        return "all";
      },
      *"effection's subscribe"({ body, log }) {
        const chunks = subscribe(body[Symbol.asyncIterator]());
        for (;;) {
          const { done, value } = yield* chunks.next();
          if (done) return "all";
          log.info(String(value));
        }
      },
    };
    for (const [style, handler] of Object.entries(iterations))
      it(`comes through ${style} in the chunks that the client sends`, async () => {
        const server = await serveWith((loop) => loop.mount(handler));
        const client = await RawClient.connect(server.port);
        client.request("POST /", ["content-length: 10"]);
        for (const chunk of ["hello", "world"]) {
          client.send(chunk);
          const bytes = String(Buffer.from(chunk).toJSON().data);
          await server.logged(({ msg }) => msg === bytes);
        }
        await client.until(/all$/);
        client.abort();
      });

    const readers: Record<string, Handler> = {
      "an async handler": async (request) => `${await request.text()}.`,
      "a loop over its chunks": async ({ body }) => {
        for await (const chunk of body) return `${chunk.length}`;
        return ".";
      },
      *"an operation"(request) {
        return `${yield* request.text()}.`;
      },
    };
    for (const [reader, handler] of Object.entries(readers))
      for (const field of [[], ["Content-Length: 0"]])
        it(`that is none ends at once for ${reader}, with ${field.join("") || "no length"} in a head of two packets`, async () => {
          const server = await serveWith((loop) =>
            loop.get("/first", () => "first").any("/second", handler),
          );
          const client = await RawClient.connect(server.port);
          client.request("GET /first").send("POST /sec");
          await client.until(/first$/); // so that the engine has read the rest, too
          client.send(
            ["ond HTTP/1.1", "Host: a", ...field, "\r\n"].join("\r\n"),
          );
          await client.until(/\r\n\r\n\.$/);
          client.abort();
        });

    it("that is no JSON is answered with 400", async () => {
      const server = await serveWith((loop) =>
        loop.mount(async (request) => json(await request.json())),
      );
      for (const body of ["{", "", "undefined"]) {
        const response = await post(server.url, body);
        expect(response.status).to.equal(400);
        expect(await response.text()).to.equal("the body is not valid JSON\n");
      }
    });

    it("that is read twice is the application's error", async () => {
      const server = await serveWith((loop) =>
        loop.mount(
          async (request) => (await request.text()) + (await request.text()),
        ),
      );
      server.expectLog(/^POST \/ failed the request body was read already/);
      const response = await post(server.url, "hello");
      expect(response.status).to.equal(500);
      expect(await response.text()).to.equal("something went wrong here\n");
      expect(server.log.find(({ level }) => level === 50)?.err?.type).to.equal(
        "BodyUsedError",
      );
    });

    const tooLate: Record<string, Handler> = {
      "a plain handler": () => "done",
      "a handler that waited": async () => {
        await setImmediate();
        return "done";
      },
    };
    for (const [title, handler] of Object.entries(tooLate))
      it(`cannot be read after the reply of ${title}`, async () => {
        const requests: GatewayRequest[] = [];
        const server = await serveWith((loop) =>
          loop.mount((request) => {
            requests.push(request);
            return handler(request);
          }),
        );
        for (const body of ["hello", null])
          expect(await (await post(server.url, body)).text()).to.equal("done");
        for (const request of requests) {
          const error: unknown = await request.text().catch((e: unknown) => e);
          expect(error).to.be.instanceOf(BodyUsedError);
          expect(String(error)).to.include("the exchange is over");
        }
      });
  });

  describe("The limit of a body", () => {
    it("refuses one by its length before the handler runs", async () => {
      let calls = 0;
      const server = await serveWith(
        (loop) => loop.mount(() => `call ${++calls}`),
        { maxBodyBytes: 10 },
      );
      const client = await RawClient.connect(server.port);
      client.request("POST /", ["content-length: 11"]);
      await client.until(/allowed here\n/);
      const reply = await client.send("hello world").untilClosed();
      expect(reply).to.match(/^HTTP\/1.1 413 /);
      expect(reply).to.match(/^connection: close\r$/im);
      expect(reply).to.match(
        /\r\n\r\nthe body is longer than the 10 bytes allowed here\n *$/,
      );
      expect(calls).to.equal(0);
    });

    it("refuses one in chunks when too much has come", async () => {
      const server = await serveWith(
        (loop) => loop.mount((request) => request.text()),
        { maxBodyBytes: 10 },
      );
      const client = await RawClient.connect(server.port);
      client.request("POST /", ["transfer-encoding: chunked"]);
      client.send("6\r\nabcdef\r\n");
      await setImmediate();
      client.send("5\r\nghijk\r\n");
      await client.until(/^HTTP/);
      const reply = await client.send("0\r\n\r\n").untilClosed();
      expect(reply).to.match(/^HTTP\/1.1 413 [^]*^connection: close\r$/im);
    });

    const limits: [mount: string, bytes: number, status: number][] = [
      ["/", 10, 200],
      ["/", 11, 413],
      ["/small", 2, 200],
      ["/small", 3, 413],
      ["/none", 0, 200],
      ["/none", 1, 413],
      ["/route", 20, 200],
      ["/route", 21, 413],
      ["/any", 3_000_000, 200],
    ];
    for (const [mount, bytes, status] of limits)
      for (const chunked of [false, true])
        it(`gives ${status} for ${bytes} ${chunked ? "chunked " : ""}bytes at ${mount}`, async () => {
          const length: Handler = async (request) =>
            String((await request.bytes()).length);
          const server = await serveWith(
            (loop) =>
              loop
                .mount(length)
                .mount("/small", length, { maxBodyBytes: 2 })
                .mount("/none", length, { maxBodyBytes: 0 })
                .mount("/any", length, { maxBodyBytes: Infinity })
                .post("/route", length, { maxBodyBytes: 20 }),
            { maxBodyBytes: 10 },
          );
          const body = "x".repeat(bytes);
          const client = await RawClient.connect(server.port);
          if (chunked)
            client.request(
              `POST ${mount}`,
              ["transfer-encoding: chunked"],
              `${bytes === 0 ? "" : `${bytes.toString(16)}\r\n${body}\r\n`}0\r\n\r\n`,
            );
          else
            client.request(`POST ${mount}`, [`content-length: ${bytes}`], body);
          await client.until(new RegExp(`^HTTP/1.1 ${status} [^]*\r\n\r\n.`));
          client.abort();
        });

    it("does not bother a handler that never reads", async () => {
      const server = await serveWith(
        (loop) =>
          loop.mount(async () => {
            await setImmediate();
            return "fine";
          }),
        { maxBodyBytes: 10 },
      );
      const client = await RawClient.connect(server.port);
      client.request(
        "POST /",
        ["transfer-encoding: chunked"],
        "b\r\nabcdefghijk\r\n0\r\n\r\n",
      );
      await client.until(/fine$/);
      client.abort();
    });
  });

  describe("What comes of a body before anybody reads it", () => {
    /** A body, the engine's side of it, and what it asked of the engine. */
    function pushed(maxBodyBytes = Infinity, bodyTimeoutMs = Infinity) {
      const calls: string[] = [];
      let push!: (data: Uint8Array, isLast: boolean) => void;
      const connection = {
        onData: (to: typeof push) => (push = to),
        pause: () => calls.push("pause"),
        resume: () => calls.push("resume"),
      };
      const limits = { maxBodyBytes, bodyTimeoutMs };
      const inlet = connection as unknown as Inlet;
      const body = new RequestBody(inlet, limits, {
        spills: new SpillBudget(),
        waits: new BodyWaits(),
      });
      body.receive();
      return { body, calls, push };
    }

    it("is held back while it waits, and let go when it is taken", async () => {
      const { body, calls, push } = pushed();
      push(new Uint8Array(2 ** 19), false);
      push(new Uint8Array(2 ** 19), false);
      expect(calls).to.deep.equal(["pause", "pause"]);
      let bytes = 0;
      while (bytes < 2 ** 20) bytes += (await body.next())!.length;
      const rest = body.next();
      expect(calls).to.deep.equal(["pause", "pause", "resume"]);
      push(new Uint8Array(0), true);
      expect(await rest).to.equal(undefined);
    });

    it("sets no timer where it comes in the turn of its head, and one where it does not", async () => {
      const set = mock.method(globalThis, "setTimeout");
      const cleared = mock.method(globalThis, "clearTimeout");
      afterTest(() => {
        set.mock.restore();
        cleared.mock.restore();
      });
      const { body, push } = pushed(Infinity, 60_000);
      const all = body.collect((bytes) => bytes.length);
      push(new Uint8Array(3), true);
      expect(await all).to.equal(3);
      await setImmediate();
      expect(set.mock.callCount()).to.equal(0);

      const late = pushed(Infinity, 60_000);
      const rest = late.body.collect((bytes) => bytes.length);
      await setImmediate();
      expect(set.mock.callCount()).to.equal(1);
      late.push(new Uint8Array(3), true);
      expect(await rest).to.equal(3);
      const gone = cleared.mock.calls.map((call) => call.arguments[0]);
      expect(gone).to.include(set.mock.calls[0]!.result);
    });

    it("is held back while the disk is behind, where all of it is to be kept", async () => {
      const { body, calls, push } = pushed();
      const complete = body.complete();
      const chunk = new Uint8Array(2 ** 17);
      for (let i = 0; i < 16; i++) push(chunk, false);
      const before = calls.length;
      for (let i = 0; i < 64; i++) {
        push(chunk, false);
        await Promise.resolve(); // whoever completes it has its turn, and the disk has not
        await Promise.resolve();
      }
      expect(calls.slice(before)).to.include("pause").and.not.include("resume");
      while (calls.at(-1) !== "resume") await setImmediate();
      push(new Uint8Array(0), true);
      expect(await complete).to.equal(80 * chunk.length);
      body.release();
    });

    it("is not let go when all of it is there: the engine would start its clock", async () => {
      const { body, calls, push } = pushed();
      push(new Uint8Array(2 ** 19), false);
      push(new Uint8Array(1), true);
      expect(await body.collect((bytes) => Buffer.from(bytes))).to.have.length(
        2 ** 19 + 1,
      );
      expect(calls).to.deep.equal(["pause"]);
    });

    it("takes little more memory than its bytes where it is collected byte by byte", async () => {
      const { body, push } = pushed();
      const all = body.collect((bytes) => Buffer.from(bytes));
      for (let i = 0; i < 50_000; i++) {
        push(Uint8Array.of(i), false);
        await Promise.resolve(); // the reader has its turn
        await Promise.resolve();
      }
      push(new Uint8Array(0), true);
      expect(await all).to.deep.equal(
        Buffer.from(Array.from({ length: 50_000 }, (_, i) => i % 256)),
      );
    });

    it("takes little more memory than its bytes, and no time, if it comes byte by byte", async () => {
      const { body, push } = pushed();
      const length = 500_000;
      for (let i = 0; i < length; i++) push(Uint8Array.of(i), false);
      push(new Uint8Array(0), true);
      let chunks = 0;
      const all = Buffer.alloc(length);
      let at = 0;
      for await (const chunk of body) {
        expect(chunk.buffer.byteLength).to.be.at.most(64 * 1024);
        all.set(chunk, at);
        at += chunk.length;
        chunks++;
      }
      expect(at).to.equal(length);
      expect(chunks).to.be.below(100);
      for (let i = 0; i < length; i += 997) expect(all[i]).to.equal(i % 256);
    });

    it("is not held back where somebody waits for it", async () => {
      const { body, calls, push } = pushed();
      const next = body.next();
      push(new Uint8Array(2 ** 19), false);
      expect(await next).to.have.length(2 ** 19);
      expect(calls).to.not.include("pause");
    });

    it("is not held back where somebody waits for all of it, and is read afterwards", async () => {
      const { body, calls, push } = pushed();
      push(new Uint8Array(2 ** 19).fill(1), false);
      const length = body.complete();
      expect(calls).to.deep.equal(["pause", "resume"]);
      push(new Uint8Array(2 ** 19).fill(2), false);
      await setImmediate();
      push(new Uint8Array(1).fill(3), true);
      expect(calls.slice(1)).to.not.include("pause"); // nor when the disk has been waited for
      expect(await length).to.equal(2 ** 20 + 1);
      const all = await body.collect((bytes) => Buffer.from(bytes));
      expect([all.length, all[0], all.at(-2), all.at(-1)]).to.deep.equal([
        2 ** 20 + 1,
        1,
        2,
        3,
      ]);
      expect(await body.complete()).to.equal(2 ** 20 + 1);
    });

    it("makes its error when somebody gets it", async () => {
      const made = madeErrors();
      const { body, push } = pushed(1);
      push(new Uint8Array(2), false);
      await setImmediate();
      expect(made).to.deep.equal([]);
      const error = await body.next().catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(BodyTooLargeError);
      expect(made).to.deep.equal(["EDDY_BODY_TOO_LARGE"]);
    });

    it("fails for whoever waits for all of it", async () => {
      const { body, push } = pushed();
      const length = body.complete().catch((error: unknown) => error);
      push(new Uint8Array(10), false);
      const reason = Reason.of(BodyUsedError, "on purpose");
      body.release(reason);
      expect(await length).to.equal(reason.error);
    });

    it("ends the read when it cannot be kept, with the reason", async () => {
      const { TMPDIR } = process.env;
      process.env["TMPDIR"] = "/nowhere";
      try {
        const { body, push } = pushed();
        push(new Uint8Array(2 ** 20), false);
        push(new Uint8Array(2 ** 20), true);
        const error = await body.next().catch((error: unknown) => error);
        expect(error).to.be.an.instanceOf(BodyStorageError);
        expect((error as Error).message).to.match(/kept in \/nowhere: ENOENT/);
      } finally {
        if (TMPDIR === undefined) delete process.env["TMPDIR"];
        else process.env["TMPDIR"] = TMPDIR;
      }
    });
  });

  describe("A client that sends a body", () => {
    it("and leaves in the middle ends the read and the exchange", async () => {
      const server = await serveWith(
        (loop) =>
          loop.mount(async (request) => {
            try {
              for await (const { length } of request.body)
                request.log.info(`${length} bytes`);
            } catch (error) {
              request.log.info({ err: error }, "stopped");
            }
            return "too late";
          }),
        { accessLog: true },
      );
      const client = await RawClient.connect(server.port);
      client.request("POST /", ["content-length: 10"], "hello");
      await server.logged(({ msg }) => msg === "5 bytes");
      client.abort();
      const { err } = await server.logged(({ msg }) => msg === "stopped");
      expect(err?.type).to.equal("ClientAbortedError");
      await server.logged(({ msg }) => msg === "request");
      expect(server.accessLines).to.have.length(1);
      expect(server.accessLines[0]).to.include({ outcome: "abort", bytes: 0 });
    });

    /** Time for what the client has sent to arrive, and for the server to hold it back. */
    async function arrival(): Promise<void> {
      for (let turn = 0; turn < 50; turn++) await setImmediate();
    }

    /** Reply without reading the body, before it has come or while it comes. */
    const ignorant: Record<string, Handler> = {
      "a plain handler": () => "reply",
      "an async handler": async () => "reply",
      "a handler that waits": async () => {
        await arrival();
        return "reply";
      },
      "a handler that takes one chunk": async ({ body }) => {
        for await (const _ of body) break;
        return "reply";
      },
      "a handler that streams": async () => {
        await arrival();
        return { body: ["re", "ply"] };
      },
      "a handler that streams with a length": async () => {
        await arrival();
        return { headers: { "content-length": 5 }, body: ["re", "ply"] };
      },
      "a handler without a reply": async () => {
        await arrival();
        return null;
      },
      "a handler that fails": async () => {
        await arrival();
        throw new HttpError(400, "reply");
      },
    };
    const orders: [title: string, before: number, after: number][] = [
      ["all of it before the reply", 5, 0],
      ["half of it after the reply", 5, 5],
      ["half of much after the reply", 2 ** 22, 2 ** 22],
    ];
    for (const [title, handler] of Object.entries(ignorant))
      for (const [order, before, after] of orders)
        it(`to ${title} can go on with the next request: ${order}`, async () => {
          const server = await serveWith(
            (loop) => loop.mount("/body", handler).mount(() => "next"),
            { maxBodyBytes: Infinity },
          );
          const client = await RawClient.connect(server.port);
          client.request("POST /body", [`content-length: ${before + after}`]);
          client.send("x".repeat(before));
          await client.until(/\r\n\r\n/);
          client.send("x".repeat(after));
          client.request("GET /next");
          await client.until(/next$/);
          client.abort();
        });
  });
});
