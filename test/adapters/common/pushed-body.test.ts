import { mock } from "node:test";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { beforeEach } from "mocha";
import { pino } from "pino";
import { Ahead } from "../../../adapters/common/ahead.ts";
import { PushedBody } from "../../../adapters/common/pushed-body.ts";
import {
  countSpills,
  noSpills,
  SPILLS_SHOW,
} from "../../support/open-spills.ts";

describe("A pushed body", () => {
  let taken: [chunks: number, length: number][];
  let cancelled: number;
  let body: PushedBody<string | Uint8Array>;

  beforeEach(() => {
    taken = [];
    cancelled = 0;
    body = new PushedBody({
      waits: false,
      taken: (...what) => void taken.push(what),
      cancel: () => void cancelled++,
    });
  });

  it("waits for what is pushed", async () => {
    const next = body.next();
    body.push("a");
    expect(await next).to.deep.equal({ done: false, value: "a" });
  });

  it("tells that a chunk was taken when it is asked for the next", async () => {
    body.push("abc");
    body.push("d");
    await body.next();
    expect(taken).to.deep.equal([]);
    expect(body.waiting).to.equal(4);
    await body.next();
    expect(taken).to.deep.equal([[1, 3]]);
    expect(body.waiting).to.equal(1);
  });

  it("gives small chunks of bytes in one, and counts them", async () => {
    for (const byte of [1, 2, 3]) body.push(Uint8Array.of(byte));
    body.end();
    const { value } = await body.next();
    expect([...(value as Uint8Array)]).to.deep.equal([1, 2, 3]);
    expect(await body.next()).to.deep.equal({ done: true, value: undefined });
    expect(taken).to.deep.equal([[3, 3]]);
  });

  it("does not mix bytes and strings, nor change their order", async () => {
    const chunks = ["a", "b", Uint8Array.of(1), Uint8Array.of(2), "c"];
    for (const chunk of chunks) body.push(chunk);
    body.end();
    const found: unknown[] = [];
    for await (const chunk of body)
      found.push(typeof chunk === "string" ? chunk : [...chunk]);
    expect(found).to.deep.equal(["a", "b", [1, 2], "c"]);
  });

  it("does not copy large chunks", async () => {
    const chunk = new Uint8Array(100_000);
    body.push(chunk);
    body.push(chunk);
    expect((await body.next()).value).to.equal(chunk);
  });

  it("fails behind all that came", async () => {
    body.push("a");
    body.end(new Error("on purpose"));
    body.end();
    expect((await body.next()).value).to.equal("a");
    expect(await body.next().catch(String)).to.equal("Error: on purpose");
  });

  it("fails for whoever waits", async () => {
    const next = body.next().catch(String);
    body.end(new Error("on purpose"));
    expect(await next).to.equal("Error: on purpose");
  });

  it("tells when nobody wants the rest", async () => {
    expect(await body.return()).to.deep.equal({ done: true, value: undefined });
    expect(cancelled).to.equal(1);
  });
});

describe("A pushed body that is taken ahead of its client", () => {
  const MIB = 1024 * 1024;
  const WINDOW = 1000;
  const { now } = performance;
  let time: number;
  let lines: string[];
  let ahead: Ahead;
  let free: number;
  let openSpills: () => number;
  let body: PushedBody<string | Uint8Array>;

  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout"] });
    time = 0;
    performance.now = () => time;
    lines = [];
    ahead = new Ahead(
      pino({ base: null }, { write: (line) => lines.push(line) }),
    );
    free = 0;
    openSpills = countSpills();
    body = open();
  });
  afterEach(async () => {
    mock.timers.reset();
    performance.now = now;
    await body.return();
  });

  function open(): PushedBody<string | Uint8Array> {
    const opened: PushedBody<string | Uint8Array> = new PushedBody(
      {
        get waits() {
          return opened.waiting > WINDOW;
        },
        taken: (_, length) => void (free += length),
        cancel() {},
      },
      ahead,
    );
    return opened;
  }

  /** All that is left, as text. */
  async function rest(): Promise<string> {
    body.end();
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString();
  }

  function pass(ms: number): void {
    time += ms;
    mock.timers.tick(ms);
  }

  const late = (): void => pass(50);

  it("frees its sender when the client has kept it waiting for 50 ms, and loses nothing", async () => {
    for (const chunk of ["a".repeat(600), Buffer.from("b".repeat(600))])
      body.push(chunk);
    pass(49);
    expect(free).to.equal(0);
    late();
    expect([free, body.waiting]).to.deep.equal([1200, 0]);
    body.push("c");
    expect(await rest()).to.match(/^a{600}b{600}c$/);
  });

  it("frees its sender at once from then on", async () => {
    body.push("a".repeat(1200));
    late();
    for (const chunk of ["é", "b".repeat(1200), "c"]) body.push(chunk);
    expect(free).to.equal(1200 + 1 + 1200);
    expect(await rest()).to.match(/^a{1200}éb{1200}c$/);
  });

  it("keeps the order while it is taken and pushed in turns", async () => {
    let [pushed, found] = ["", ""];
    body.push("-".repeat(1200));
    late();
    for (let i = 0; i < 200; i++) {
      const text = `${i}`.repeat(1 + ((i * 37) % 500));
      pushed += text;
      body.push(i % 3 === 0 ? text : Buffer.from(text));
      if (i % 2 === 0) found += String((await body.next()).value);
    }
    expect(found + (await rest())).to.equal("-".repeat(1200) + pushed);
  });

  it("wakes whoever waits for it when what has come goes to the file at once", async () => {
    body.push("a".repeat(1200));
    late();
    await body.next();
    const next = body.next();
    body.push("b".repeat(1200));
    expect(String((await next).value)).to.match(/^b+$/);
  });

  it("needs no file where the client is behind for less", async () => {
    for (let i = 0; i < 10; i++) {
      const next = body.next();
      body.push("a".repeat(1200));
      await next;
      pass(4);
    }
    expect(free).to.be.above(0);
    expect(openSpills()).to.equal(0);
  });

  for (const [takenMs, kept] of [
    [3, false],
    [4, true],
  ] as const)
    it(`${kept ? "needs a file" : "needs no file"} where the client takes 64 KiB in ${takenMs} ms, however long it goes on`, async () => {
      const chunk = new Uint8Array(65_536);
      body.push(chunk);
      for (let i = 0; i < 200; i++) {
        body.push(chunk);
        pass(takenMs);
        await body.next();
      }
      if (SPILLS_SHOW) expect(openSpills() > 0).to.equal(kept);
    });

  /** The disk has its time. */
  async function freed(bytes: number): Promise<void> {
    while (free < bytes) await setImmediate();
  }

  it("has its sender wait for the disk", async () => {
    body.push("a".repeat(4 * MIB));
    late();
    expect(free).to.equal(4 * MIB);
    for (const text of ["b", "c"]) body.push(text.repeat(4 * MIB));
    expect([free, body.waiting]).to.deep.equal([4 * MIB, 8 * MIB]);
    await freed(12 * MIB);
    const [a, b, c] = ["a", "b", "c"].map((text) => text.repeat(4 * MIB));
    expect((await rest()) === `${a}${b}${c}`).to.equal(true);
  });

  it("has its sender wait beyond 64 MiB, until the client has taken those", async () => {
    const chunk = new Uint8Array(MIB);
    body.push(chunk);
    late();
    for (let i = 1; i < 64; i++) {
      await freed(i * MIB);
      body.push(chunk);
    }
    await freed(64 * MIB);
    body.push(chunk);
    expect([free, body.waiting]).to.deep.equal([64 * MIB, MIB]);
    for (let taken = 0; taken < 64 * MIB;)
      taken += (await body.next()).value!.length;
    void body.next();
    expect(free).to.equal(65 * MIB);
  });

  it("has its sender wait where there is no folder for files, and the log says so once", async () => {
    const { TMPDIR } = process.env;
    process.env["TMPDIR"] = "/nowhere";
    try {
      body.push("a".repeat(1200));
      late();
      body.push("b".repeat(1200));
      expect([free, body.waiting]).to.deep.equal([0, 2400]);
    } finally {
      if (TMPDIR === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = TMPDIR;
    }
    expect(lines).to.have.length(1);
    expect(lines[0])
      .to.match(/cannot be kept in files.*/)
      .and.match(/ENOENT/);
    expect(await rest()).to.match(/^a{1200}b{1200}$/);
  });

  for (const [how, end] of [
    ["taken", () => rest()],
    ["told to end", () => body.return()],
    [
      "failed",
      async () => {
        body.end(new Error("on purpose"));
        while ((await body.next().catch(() => undefined)) !== undefined);
      },
    ],
  ] as [string, () => Promise<unknown>][])
    it(`leaves no file behind when it was ${how}`, async () => {
      body.push("a".repeat(1200));
      late();
      if (SPILLS_SHOW) expect(openSpills()).to.equal(1);
      await end();
      await noSpills(openSpills);
      body.push("late".repeat(1000));
      await noSpills(openSpills);
    });
});
