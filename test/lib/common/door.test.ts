/** The one door to the log: nobody who logs has to know what is logged, or where. */
import { EventEmitter } from "node:events";
import { expect } from "chai";
import { pino, type DestinationStream, type LoggerOptions } from "pino";
import { createLog, type Logger } from "../../../lib/common/log.ts";
import { Loop } from "../../../lib/index.ts";
import { afterTest } from "../../support/hooks.ts";
import { HOSTILE } from "../../support/hostile.ts";
import { repeatedFields } from "../../support/repeated-fields.ts";
import { USUAL_ENGINE, type LogLine } from "../../support/server.ts";

const refuse = (): never => {
  throw new Error("refused");
};

/** A logger, and the lines that it has written. */
function recorded(options: LoggerOptions = {}): [Logger, LogLine[]] {
  const lines: LogLine[] = [];
  const write = (line: string): void =>
    void lines.push(JSON.parse(line) as LogLine);
  return [createLog(pino({ level: "debug", ...options }, { write })), lines];
}

/** What is said on standard error meanwhile. */
async function complaints(action: () => unknown): Promise<string> {
  const fs = process.getBuiltinModule("node:fs");
  const { writeSync } = fs;
  let said = "";
  const note = (descriptor: number, text: string): number => {
    if (!text.startsWith("eddy: ")) return writeSync(descriptor, text);
    said += text;
    return text.length;
  };
  Object.assign(fs, { writeSync: note });
  process.getBuiltinModule("node:module").syncBuiltinESMExports();
  try {
    await action();
  } finally {
    Object.assign(fs, { writeSync });
    process.getBuiltinModule("node:module").syncBuiltinESMExports();
  }
  return said;
}

class Private {
  readonly #secret = "x";
  get secret(): string {
    return this.#secret;
  }
  shown = 1;
}

describe("The log writes one line, whatever it is given:", () => {
  for (const [kind, hostile] of Object.entries(HOSTILE)) {
    it(`${kind} as err`, () => {
      const [log, lines] = recorded();
      log.error({ err: hostile("on purpose"), requestId: "a" }, "it failed");
      expect(lines).to.have.length(1);
      expect(lines[0]).to.include({ msg: "it failed", requestId: "a" });
    });

    it(`${kind} by itself, and within`, () => {
      const [log, lines] = recorded();
      log.error(hostile("on purpose") as Error);
      log.error({ of: [hostile("on purpose")] }, "%s", hostile("on purpose"));
      expect(lines).to.have.length(2);
    });
  }

  it("all of a frozen error, without a note", () => {
    const [log, lines] = recorded();
    const cause = Object.freeze(new Error("cause"));
    log.error({ err: Object.freeze(new RangeError("frozen", { cause })) });
    const { err, note } = lines[0]!;
    expect(err).to.include({ type: "RangeError", message: "frozen: cause" });
    expect(err!.stack).to.match(
      /^RangeError: frozen\n +at [^]*\ncaused by: Error: cause/,
    );
    expect(note).to.equal(undefined);
  });

  it("name and message of an error that cannot be written as it is, and why", () => {
    const [log, lines] = recorded();
    const error = new RangeError("on purpose");
    Object.defineProperty(error, "detail", { get: refuse, enumerable: true });
    log.error({ err: error }, "it failed");
    const { err, note } = lines[0]!;
    expect(err).to.include({ type: "RangeError", message: "on purpose" });
    expect(err!.stack).to.match(/^RangeError: on purpose\n +at /);
    expect(note).to.equal("it cannot be written as it is: Error: refused");
  });

  it("an object with private members, where the logger redacts", () => {
    const [log, lines] = recorded({ redact: ["*.secret", "*.*.secret"] });
    log.info({ of: new Private(), list: [new Private()] }, "seen");
    expect(lines[0]).to.deep.include({ of: { shown: 1 }, msg: "seen" });
  });

  it("objects that are too many together", () => {
    const [log, lines] = recorded();
    const many = (): object[] => Array.from({ length: 9000 }, () => ({}));
    log.info({ one: many(), two: many() }, "seen");
    expect(lines[0]!.one).to.have.length(9000);
    expect(lines[0]!.two).to.have.length(9000);
    expect(lines[0]!.note).to.match(/more than 10000 objects/);
  });

  it("an object that leads to a whole server", () => {
    const [log, lines] = recorded();
    const endless = (depth: number): object =>
      Array.from({ length: 10 }, () => (depth > 0 ? endless(depth - 1) : {}));
    log.info({ endless: endless(4), of: 1 }, "seen");
    expect(lines[0]).to.include({ of: 1, msg: "seen" });
    expect(lines[0]!.endless).to.match(/more than 10000 objects/);
  });
});

describe("A logger of the user's that throws loses no line, and takes nobody along:", () => {
  /** pino itself asks once, when the logger is made. */
  const later = <T>(answer: T): (() => T) => {
    const answers = [answer];
    return () => answers.pop() ?? refuse();
  };
  const cases: Record<string, () => LoggerOptions> = {
    mixin: () => ({ mixin: refuse }),
    "formatter of lines": () => ({ formatters: { log: refuse } }),
    "formatter of bindings": () => ({ formatters: { bindings: later({}) } }),
    hook: () => ({ hooks: { logMethod: refuse } }),
    "hook of the stream": () => ({ hooks: { streamWrite: refuse } }),
    serializer: () => ({ serializers: { err: refuse, requestId: refuse } }),
    censor: () => ({ redact: { paths: ["err.message"], censor: refuse } }),
    "function that is told of children": () => ({ onChild: refuse }),
    timestamp: () => ({ timestamp: later("") }),
  };
  for (const [what, options] of Object.entries(cases))
    it(what, async () => {
      const lines: string[] = [];
      const write = (line: string): void => void lines.push(line);
      const made = pino(options(), { write });
      const loop = new Loop({ log: made, accessLog: true });
      afterTest(() => loop.close());
      loop.get("/neighbour", () => "answered");
      loop.get("/", () => refuse());
      const { url } = await loop.listen({ port: 0, host: "127.0.0.1" });
      lines.length = 0;
      expect((await fetch(url)).status).to.equal(500);
      expect(await (await fetch(`${url}/neighbour`)).text()).to.equal(
        "answered",
      );
      const about = lines.filter((line) => line.includes("GET / failed"));
      expect(about).to.have.length(1);
      expect(JSON.parse(about[0]!)).to.include({ msg: "GET / failed" });
      expect(about[0]).to.include("refused");
      expect(lines.filter((line) => line.includes("outcome"))).to.have.length(
        2,
      );
    });

  const destinations: Record<string, () => DestinationStream> = {
    "a destination": () => ({ write: refuse }),
    "a destination that fails later": () =>
      Object.assign(new EventEmitter(), {
        write(this: EventEmitter) {
          process.nextTick(() => this.emit("error", new Error("refused")));
        },
      }),
  };
  for (const [what, make] of Object.entries(destinations))
    it(`${what}: it is said on standard error`, async () => {
      const loop = new Loop({ log: pino({}, make()), accessLog: true });
      afterTest(() => loop.close());
      loop.mount(() => refuse());
      const said = await complaints(async () => {
        const { url } = await loop.listen({ port: 0, host: "127.0.0.1" });
        expect((await fetch(url)).status).to.equal(500);
        expect((await fetch(url)).status).to.equal(500);
      });
      expect(said).to.match(
        /^eddy: the log cannot be written: Error: refused/m,
      );
    });

  it("one that is not pino's", async () => {
    const own = { child: () => own, error: refuse, info: refuse };
    const loop = new Loop({
      log: own as unknown as Logger,
      engine: USUAL_ENGINE,
    });
    afterTest(() => loop.close());
    loop.mount(() => refuse());
    const said = await complaints(async () => {
      const { url } = await loop.listen({ port: 0, host: "127.0.0.1" });
      expect((await fetch(url)).status).to.equal(500);
    });
    expect(said).to.match(/it was to say "GET \/ failed: Error: refused"/);
  });
});

describe("The log of a loop", () => {
  it("is the given one in all else", () => {
    const [log, lines] = recorded();
    log.level = "warn";
    const child = log.child({ part: "shop" }, { level: "info" });
    log.info("too little");
    child.info("enough");
    expect(child.bindings()).to.deep.equal({ part: "shop" });
    expect(lines.map(({ msg }) => msg)).to.deep.equal(["enough"]);
    expect(createLog(log)).to.equal(log);
  });

  it("has levels of its own", () => {
    const lines: string[] = [];
    const write = (line: string): void => void lines.push(line);
    const log = createLog(
      pino({ customLevels: { notice: 35 } }, { write }) as unknown as Logger,
    );
    const { notice } = log as unknown as { notice: (of: object) => void };
    notice({ err: Object.freeze(new Error("frozen")) });
    expect(lines[0]).to.match(/"level":35,.*"message":"frozen"/);
  });
});

describe("A loop closes, and the process goes on, when a background task fails with", () => {
  for (const [kind, hostile] of Object.entries(HOSTILE))
    it(kind, async () => {
      const lines: string[] = [];
      const write = (line: string): void => void lines.push(line);
      const loop = new Loop({ log: pino({}, { write }) });
      await loop.listen({ port: 0, host: "127.0.0.1" });
      void loop.run(function* () {
        throw hostile("on purpose"); // oxlint-disable-line typescript/only-throw-error
      });
      const closed = await loop.closed.then(
        () => "resolved",
        () => "rejected",
      );
      expect(closed).to.equal("rejected");
      expect(
        lines.filter((line) => line.includes("a background task failed")),
      ).to.have.length(1);
    });
});

describe("Every exchange ends, and the log says it once, when an accessLog function", () => {
  for (const [kind, hostile] of Object.entries(HOSTILE))
    for (const how of ["at once", "later"])
      it(`throws ${kind}, ${how}`, async () => {
        const lines: string[] = [];
        const write = (line: string): void => void lines.push(line);
        const raise = (): never => {
          throw hostile("on purpose"); // oxlint-disable-line typescript/only-throw-error
        };
        const loop = new Loop({
          log: pino({}, { write }),
          accessLog: how === "at once" ? raise : async () => raise(),
        });
        afterTest(() => loop.close());
        loop.mount(() => "answered");
        const { url } = await loop.listen({ port: 0, host: "127.0.0.1" });
        expect(await (await fetch(url)).text()).to.equal("answered");
        const { tally } = await loop.close();
        expect(tally).to.include({ accepted: 1, ok: 1 });
        expect(
          lines.filter((line) => line.includes("access log's function failed")),
        ).to.have.length(1);
      });

  it("gives something else than a promise", async () => {
    const lines: string[] = [];
    const records: unknown[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    const accessLog = ((record: unknown) => records.push(record)) as (
      record: unknown,
    ) => void;
    const loop = new Loop({ log, accessLog }).mount(() => "");
    afterTest(() => loop.close());
    const { url } = await loop.listen({ port: 0, host: "127.0.0.1" });
    await (await fetch(url)).text();
    expect(records).to.have.length(1);
    expect(lines.join("")).not.to.include("failed");
  });
});

describe("No field stands twice in a line of the log:", () => {
  const writes = (
    title: string,
    write: (log: Logger) => void,
    expected: object,
  ): unknown =>
    it(title, () => {
      const lines: string[] = [];
      const options = { write: (line: string) => void lines.push(line) };
      const log = createLog(pino({ base: { pid: 1 } }, options));
      write(log);
      expect(lines.flatMap(repeatedFields)).to.deep.equal([]);
      const { time, ...line } = JSON.parse(lines[0]!) as LogLine;
      expect(time).to.be.a("number");
      expect(line).to.deep.equal({ level: 30, pid: 1, ...expected });
    });

  writes(
    "one of the logger's own",
    (log) => log.info({ pid: 2, level: 3, time: 4, other: 5 }, "text"),
    { other: 5, fields: { pid: 2, level: 3, time: 4 }, msg: "text" },
  );
  writes(
    "one of the child that writes",
    (log) => log.child({ requestId: "a" }).info({ requestId: "b" }, "text"),
    { requestId: "a", fields: { requestId: "b" }, msg: "text" },
  );
  writes(
    "one of a child's parent, and again",
    (log) => log.child({ pid: 2 }).info({ pid: 3 }, "text"),
    { fields: { pid: 2 }, fields_: { pid: 3 }, msg: "text" },
  );
  writes("the message", (log) => log.info({ msg: "a" }, "text"), {
    fields: { msg: "a" },
    msg: "text",
  });
  writes("a message by itself stays", (log) => log.info({ msg: "a" }), {
    msg: "a",
  });
});
