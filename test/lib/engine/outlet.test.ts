import { expect } from "chai";
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import {
  stream,
  type Chunk,
  type Reply,
  type ReplyBody,
  type StreamWriter,
} from "../../../lib/index.ts";
import { Gate } from "../../support/gate.ts";
import { RawClient } from "../../support/raw-client.ts";
import { type TestServer } from "../../support/server.ts";
import { onEachEngine } from "../../support/engines.ts";

onEachEngine(({ serveWith }) => {
  /** For what the types forbid: here rules are broken on purpose. */
  type Loose = any;

  /** A source of chunks, and what became of it. */
  class Source {
    asked = 0;
    ended = 0;
    readonly #chunks: Iterable<Chunk>;

    constructor(chunks: Iterable<Chunk>) {
      this.#chunks = chunks;
    }

    *generate(): Generator<Chunk, void, void> {
      try {
        for (const chunk of this.#chunks) {
          this.asked++;
          yield chunk;
        }
      } finally {
        this.ended++;
      }
    }
  }

  /** The same chunks in every kind of streamed body. */
  const STREAMS: Record<string, (source: Source) => ReplyBody & object> = {
    "an iterable": (source) => source.generate(),
    "an async iterable": async function* (source) {
      yield* source.generate();
    },
    "a ReadableStream": (source) => {
      const chunks = source.generate();
      return new ReadableStream<Chunk>(
        {
          pull(to) {
            const { done, value } = chunks.next();
            if (done) to.close();
            else to.enqueue(value);
          },
          cancel: () => void chunks.return(),
        },
        { highWaterMark: 0 },
      );
    },
    "an operation that writes": (source) =>
      function* (out) {
        for (const chunk of source.generate()) yield* out.write(chunk);
      },
    "an async function that writes": (source) => async (out) => {
      for (const chunk of source.generate()) await out.write(chunk);
    },
  };

  function* failingAfter(chunks: Chunk[]): Generator<Chunk> {
    yield* chunks;
    throw new Error("the source broke");
  }

  /** Far more than fits between server and client: an end that is no end would show as all of them asked for. */
  const ENDLESS = 4000;

  function* endless(chunk: Chunk, count = ENDLESS): Generator<Chunk> {
    for (let i = 0; i < count; i++) yield chunk;
  }

  const hashOf = (bytes: Uint8Array): string =>
    createHash("sha256").update(bytes).digest("hex");

  const serveReply = (make: () => Reply): Promise<TestServer> =>
    serveWith((loop) => loop.mount("/next", () => "next").mount(make), {
      accessLog: true,
      drainTimeoutMs: 500,
    });

  /** How the first exchange ended. */
  const outcome = async (server: TestServer): Promise<unknown> =>
    (await server.logged(({ msg }) => msg === "request"))["outcome"];

  async function ask(
    server: TestServer,
    ...fields: string[]
  ): Promise<RawClient> {
    return (await RawClient.connect(server.port)).request("GET /", fields);
  }

  /** A client in a process of its own reads as fast as it can: it says so at first, and leaves after three seconds. */
  function readInChild(port: number): ChildProcess {
    const code = `
    const client = require("node:net").connect(${port}, "127.0.0.1");
    client.write("GET / HTTP/1.1\\r\\nHost: test\\r\\n\\r\\n");
    client.once("data", () => console.log("reads")).resume();
    setTimeout(() => process.exit(), 3000);`;
    return spawn(process.execPath, ["--eval", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  }

  describe("A large reply", function () {
    this.timeout(30_000);
    const bytes = new Uint8Array(8_000_000);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31 + (i >> 8)) % 251;
    const text = "Zoë \u{1f600} ".repeat(800_000);
    const sized = { headers: { "content-length": bytes.length } };
    const pieces = (size: number): Uint8Array[] =>
      Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );

    const writing: StreamWriter = async (out) => {
      for (const piece of pieces(700_000)) await out.write(piece);
    };
    const rushing: StreamWriter = async (out) => {
      await Promise.all(pieces(700_000).map((piece) => out.write(piece)));
    };
    const careless: StreamWriter = async (out) => {
      for (const piece of pieces(700_000)) void out.write(piece);
    };
    const replies: [title: string, make: () => Reply, content: Uint8Array][] = [
      ["a string", () => text, Buffer.from(text)],
      ["bytes", () => bytes, bytes],
      ["a stream", () => stream(pieces(100_000)), bytes],
      ["a stream of small chunks", () => stream(pieces(1000)), bytes],
      ["a stream with its length", () => stream(pieces(100_000), sized), bytes],
      [
        "large chunks with their length",
        () => stream(pieces(3_000_000), sized),
        bytes,
      ],
      ["a writer", () => stream(writing), bytes],
      ["a writer with its length", () => stream(writing, sized), bytes],
      ["a writer that waits for all at once", () => stream(rushing), bytes],
      ["such a writer with its length", () => stream(rushing, sized), bytes],
      ["a writer that waits for nothing", () => stream(careless), bytes],
      [
        "such a careless one with its length",
        () => stream(careless, sized),
        bytes,
      ],
    ];
    for (const [title, make, content] of replies)
      it(`arrives whole as ${title}, also where the client takes its time`, async () => {
        const server = await serveReply(make);
        server.expectLog(/failed|halted/); // what goes wrong fails here, not in the cleanup
        const quick = await (await fetch(server.url)).arrayBuffer();
        expect(hashOf(new Uint8Array(quick))).to.equal(hashOf(content));
        const { body } = await fetch(server.url);
        const hash = createHash("sha256");
        for await (const chunk of body!) {
          hash.update(chunk);
          await (await fetch(`${server.url}/next`)).text(); // a round trip for each chunk read
        }
        expect(hash.digest("hex")).to.equal(hashOf(content));
        await server.end();
        expect(server.accessLines[0]).to.include({ bytes: content.length });
        const outcomes = server.accessLines.map((line) => line["outcome"]);
        expect(new Set(outcomes)).to.deep.equal(new Set(["ok"]));
      });
  });

  const WRONG = /^HTTP\/1.1 500 [^]*\r\n\r\nsomething went wrong here\n$/;
  const LONGER =
    "InvalidReplyError: the body is longer than the content-length of 5";
  const NO_CHUNK =
    "InvalidReplyError: a streamed body is made of strings and bytes, not of";

  /** Streams that are errors of the application. */
  const FAILURES: [
    title: string,
    chunks: () => Iterable<Chunk>,
    length: number | undefined,
    /** All that the client gets. */
    reply: RegExp,
    error: string,
    /** Chunks that were asked for. */
    asked: number,
  ][] = [
    [
      "is cut where it is shorter than it promised",
      () => ["abc"],
      5,
      /^(HTTP[^]*\r\n\r\n(abc)?)?$/,
      "InvalidReplyError: the body has 3 bytes, its content-length says 5",
      1,
    ],
    [
      "is cut where it is longer than it promised",
      () => ["abc", "defgh", "x"],
      5,
      /^(HTTP[^]*\r\n\r\n(abc)?)?$/,
      LONGER,
      2,
    ],
    [
      "ends where it has all that it promised",
      () => endless("hello"),
      5,
      /\r\n\r\nhello$/,
      LONGER,
      2,
    ],
    [
      "is a 500 where it fails before its first chunk",
      () => failingAfter([]),
      undefined,
      WRONG,
      "Error: the source broke",
      0,
    ],
    [
      "is cut where it fails later",
      () => failingAfter(["abc"]),
      undefined,
      /^(HTTP\/1.1 200 OK[^]*\r\n3\r\nabc(\r\n)?)?$/,
      "Error: the source broke",
      1,
    ],
    [
      "has no chunk that is a number",
      () => [5 as Loose],
      undefined,
      WRONG,
      `${NO_CHUNK} number`,
      1,
    ],
    [
      "has no chunk that is an array",
      () => [[104] as Loose],
      undefined,
      WRONG,
      `${NO_CHUNK} object`,
      1,
    ],
    [
      "has no chunk that is undefined",
      () => [undefined as Loose],
      undefined,
      WRONG,
      `${NO_CHUNK} undefined`,
      1,
    ],
  ];

  describe("A streamed reply", () => {
    const sized = (body: ReplyBody & object, length: number): Reply =>
      stream(body, { headers: { "content-length": length } });

    for (const [title, make] of Object.entries(STREAMS)) {
      const serveSource = (
        source: Source,
        length?: number,
      ): Promise<TestServer> =>
        serveReply(() =>
          length === undefined
            ? stream(make(source))
            : sized(make(source), length),
        );

      describe(`of ${title}`, () => {
        it("brings its chunks in order", async () => {
          const source = new Source([
            "Zoë",
            "",
            Buffer.from(" \xff", "latin1"),
            "!",
          ]);
          const server = await serveSource(source);
          const client = await ask(server);
          await client.until(/\r\n0\r\n\r\n$|\r\n\r\nZo[^]*\xff!$/);
          const text = client.received;
          client.abort();
          const isWhole = /^content-length: 7\r$/im.test(text); // it ended in the turn that it began in
          expect(/^transfer-encoding: chunked\r$/im.test(text)).to.equal(
            !isWhole,
          );
          expect(text.replace(/\r\n[0-9a-f]+\r\n/g, "")).to.match(
            /Zo\xc3\xab \xff!(\r\n)?$/,
          );
          expect(await outcome(server)).to.equal("ok");
          expect(source).to.include({ asked: 4, ended: 1 });
        });

        it("may be empty", async () => {
          const source = new Source([]);
          const server = await serveSource(source);
          const response = await fetch(server.url);
          expect([response.status, await response.text()]).to.deep.equal([
            200,
            "",
          ]);
          expect(source.ended).to.equal(1);
        });

        it("may pass its time with empty chunks", async () => {
          let ready = false;
          function* waiting(): Generator<Chunk> {
            for (let i = 0; !ready && i < 100_000; i++) yield "";
            yield `ready: ${ready}`;
          }
          const server = await serveReply(() => {
            void setImmediate().then(() => (ready = true));
            return stream(make(new Source(waiting())));
          });
          expect(await (await fetch(server.url)).text()).to.equal(
            "ready: true",
          );
        });

        for (const [length, chunks] of [
          [6, ["Zoë", "!", "", "?"]],
          [0, []],
          [0, [""]],
        ] as [number, string[]][])
          it(`has the length of ${length} that it promised`, async () => {
            const source = new Source(chunks);
            const server = await serveSource(source, length);
            const response = await fetch(server.url);
            expect(response.headers.get("content-length")).to.equal(
              String(length),
            );
            expect(response.headers.has("transfer-encoding")).to.equal(false);
            expect(await response.text()).to.equal(chunks.join(""));
            expect(await outcome(server)).to.equal("ok");
            expect(source.ended).to.equal(1);
          });

        for (const [what, chunks, length, reply, error, asked] of FAILURES)
          it(what, async () => {
            const source = new Source(chunks());
            const server = await serveSource(source, length);
            server.expectLog(/failed|halted/); // looked at below
            const client = await ask(server, "connection: close");
            expect(await client.untilClosed()).to.match(reply);
            expect(await outcome(server)).to.equal("error");
            const { err, msg } = await server.logged(
              ({ level }) => level >= 40,
            );
            expect(msg).to.equal("GET / failed");
            expect(`${err?.type}: ${err?.message}`).to.equal(error);
            expect(source).to.include({ asked, ended: 1 });
            await server.end();
            const lines = server.log.filter(({ level }) => level >= 40);
            expect(lines).to.have.length(1);
          });

        it("waits for a client that does not read, and ends when that leaves", async function () {
          this.timeout(20_000);
          const source = new Source(endless(Buffer.alloc(65_536)));
          const server = await serveSource(source);
          const client = await ask(server);
          await client.until(/^HTTP\/1.1 200 OK/);
          client.socket.pause();
          const turns = async (): Promise<void> => {
            for (let i = 0; i < 20; i++)
              await (await fetch(`${server.url}/next`)).text();
          };
          for (let asked = 0; asked < source.asked;) {
            asked = source.asked;
            await turns();
          }
          expect(source.asked).to.be.below(ENDLESS);
          expect(source.ended).to.equal(0);
          client.abort();
          await server.logged((line) => line["outcome"] === "abort");
          await turns();
          expect(source.asked).to.be.below(ENDLESS);
          expect(source.ended).to.equal(1);
        });
      });
    }

    for (const [title, make] of Object.entries(STREAMS))
      it(`of ${title} leaves others their turn, where its client takes all`, async function () {
        this.timeout(20_000);
        const source = new Source(endless("tick", Infinity));
        const server = await serveReply(() => stream(make(source)));
        const client = readInChild(server.port);
        await once(client.stdout!, "data");
        for (let i = 0; i < 20; i++)
          await (await fetch(`${server.url}/next`)).text();
        expect(client.exitCode).to.equal(null);
        client.kill("SIGKILL");
        await server.logged((line) => line["outcome"] === "abort");
      });

    for (const [of, headers] of Object.entries<Record<string, string>>({
      "in chunks": {},
      "of a promised length": { "content-length": "2" },
      "in chunks, the last of its connection": { connection: "close" },
      "of a promised length, the last of its connection": {
        "content-length": "2",
        connection: "close",
      },
    }))
      it(`sends its head with the first byte of a body ${of}: half a head would be of no use`, async () => {
        const [begun, go, end] = [new Gate(), new Gate(), new Gate()];
        async function* late(): AsyncGenerator<string, void> {
          await setImmediate();
          yield "";
          await setImmediate();
          begun.open();
          await go.opened;
          yield "!";
          await end.opened;
          yield "?";
        }
        const server = await serveWith((loop) =>
          loop
            .get("/late", () => ({ body: late(), headers }))
            .get("/", () => "hello"),
        );
        const client = await RawClient.connect(server.port);
        client.request("GET /late");
        await begun.opened;
        const other = await RawClient.connect(server.port);
        other.request("GET /");
        await other.until(/hello$/); // what was sent before has come, too
        expect(client.received).to.equal("");
        go.open();
        await client.until(/\r\n\r\n[^]*!/);
        end.open();
        await client.until(/\?/);
      });

    it("is aborted where its client leaves before all has come that was written without waiting", async () => {
      const writes = endless(Buffer.alloc(65_536));
      const careless: StreamWriter = async (out) => {
        for (const chunk of writes) void out.write(chunk);
      };
      const length = ENDLESS * 65_536;
      const server = await serveReply(() => sized(careless, length));
      const client = await ask(server);
      await client.until(/^HTTP\/1.1 200 OK/);
      client.abort();
      expect(await outcome(server)).to.equal("abort");
    });

    it("takes nothing that an async function writes after its end", async () => {
      const source = new Source(endless("late"));
      const late: StreamWriter = async (out) => {
        for (const chunk of source.generate()) await out.write(chunk);
      };
      let written: Promise<unknown> | undefined;
      const server = await serveReply(() =>
        stream(async (out) => {
          await out.write("in time");
          written = setImmediate().then(() => late(out) as Promise<void>);
        }),
      );
      expect(await (await fetch(server.url)).text()).to.equal("in time");
      expect(await written!.catch((error: unknown) => error)).to.be.instanceOf(
        Error,
      );
      expect(source).to.include({ asked: 1, ended: 1 });
    });

    const ends: [
      title: string,
      steps: Loose[],
      returns: number,
      length?: number,
    ][] = [
      ["is not told of its own end", ["a", "b"], 0],
      ["is not told of its own end, though it is too early", ["a", "b"], 0, 5],
      ["is not told of its own failure", ["a", new Error("broke")], 0],
      ["is told once of a bad chunk", ["a", 5, "b"], 1],
    ];
    for (const kind of ["iterator", "asyncIterator"] as const)
      for (const [title, steps, returns, length] of ends)
        it(`made by hand with Symbol.${kind} ${title}`, async () => {
          let [at, returned] = [0, 0];
          const iterator = {
            next(): Loose {
              const value: unknown = steps[at++];
              if (value instanceof Error) throw value;
              return { done: value === undefined, value };
            },
            return: (): Loose => ({ done: true, value: ++returned }),
          };
          const body = { [Symbol[kind]]: () => iterator } as Loose as ReplyBody;
          const headers = { "content-length": length };
          const server = await serveReply(() => ({ body, headers }));
          server.expectLog(/failed/);
          await (
            await ask(server)
          )
            .until(/\r\n0\r\n\r\n$|\r\n\r\nab$/)
            .catch(() => {});
          await outcome(server);
          expect(returned).to.equal(returns);
        });

    it("goes to a thousand clients at once", async function () {
      this.timeout(30_000);
      let begun = 0;
      let openAll!: () => void;
      const allBegun = new Promise<void>((resolve) => (openAll = resolve));
      async function* chunks(id: string): AsyncGenerator<string> {
        yield `begin ${id}, `;
        if (++begun === 1000) openAll();
        await allBegun;
        yield `end ${id}`;
      }
      const server = await serveWith((loop) =>
        loop.get("/:id", ({ params }) => stream(chunks(params["id"]!))),
      );
      const texts = Array.from({ length: 1000 }, async (_, i) =>
        (await fetch(`${server.url}/${i}`)).text(),
      );
      (await Promise.all(texts)).forEach((text, i) =>
        expect(text).to.equal(`begin ${i}, end ${i}`),
      );
    });
  });

  describe("A request body that is held back", () => {
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === "Timeout")
        .length;

    it("does not hold back the reply, and leaves no timer behind", async function () {
      this.timeout(30_000); // in steps of LOOK_MS it would take minutes
      const length = 64 * 2 ** 20;
      const server = await serveWith(
        (loop) => loop.mount(() => new Uint8Array(length)),
        { maxBodyBytes: Infinity },
      );
      const client = await RawClient.connect(server.port);
      const before = timers();
      client.socket.pause();
      client.request("POST /", [`content-length: ${length}`]);
      client.socket.write(Buffer.alloc(length));
      let received = 0;
      await new Promise<void>((resolve) => {
        client.socket.removeAllListeners("data").on("data", (data: string) => {
          received += data.length;
          if (received >= length) resolve();
        });
        client.socket.resume();
      });
      client.abort();
      await server.close();
      expect(timers()).to.be.at.most(before);
    });
  });
});
