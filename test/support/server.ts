/** A loop on a free port of this machine, closed after the test; its log is kept, and what no test expects fails it. */
import { pino } from "pino";
import {
  Loop,
  type Address,
  type ListenOptions,
  type LoopOptions,
} from "../../lib/index.ts";
import { afterTest } from "./hooks.ts";
import { HAS_UWS } from "./native.ts";
import { repeatedFields } from "./repeated-fields.ts";

/** A line of the log, parsed. */
export interface LogLine {
  level: number;
  msg?: string;
  err?: { type: string; message: string; stack: string };
  [field: string]: unknown;
}

const WARN = 40;

/** Of tests that name none: the command's own choice, without its warning where uWebSockets.js does not load. */
export const USUAL_ENGINE = HAS_UWS ? "auto" : "node";

export class TestServer {
  readonly log: LogLine[] = [];
  readonly loop: Loop;
  address: Address = { url: "" };
  /** Several tests use it. */
  kept = false;
  #expected: RegExp[] = [];
  /** Lines that have a field twice. */
  readonly #ambiguous: string[] = [];
  /** Lines of the log that were looked at. */
  #checked = 0;
  #waiting: (() => void)[] = [];

  constructor(options: Omit<LoopOptions, "log"> = {}) {
    const destination = {
      write: (line: string): void => {
        this.log.push(JSON.parse(line) as LogLine);
        if (repeatedFields(line).length > 0) this.#ambiguous.push(line);
        for (const look of this.#waiting.splice(0)) look();
      },
    };
    this.loop = new Loop({
      stallWarnMs: Infinity, // a busy machine keeps the loop as well
      engine: USUAL_ENGINE,
      ...options,
      log: pino({ level: "debug" }, destination),
    });
    afterTest(() => this.end());
  }

  get port(): number {
    return this.address.port!;
  }

  get url(): string {
    return this.address.url;
  }

  /** The access lines so far. */
  get accessLines(): LogLine[] {
    return this.log.filter((line) => line.msg === "request");
  }

  /** A warning or an error that the test is about; any other one fails the test. */
  expectLog(...messages: RegExp[]): this {
    this.#expected.push(...messages);
    return this;
  }

  /** The first line that matches, also one to come. */
  async logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const line = this.log.find(matches);
      if (line) return line;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async end(): Promise<void> {
    if (!this.kept) await this.close();
  }

  async close(): Promise<void> {
    await this.loop.close();
    this.checkLog();
  }

  /** Checks the log and empties it, for the next test that shares the server. */
  clearLog(): void {
    this.checkLog();
    this.log.length = this.#checked = 0;
  }

  /** Fails for what no test expected, once. */
  checkLog(): void {
    if (this.#ambiguous.length > 0)
      throw new Error(`a field is there twice: ${this.#ambiguous.join("")}`);
    const unexpected = this.log
      .slice(this.#checked)
      .filter(
        (line) =>
          line.level >= WARN &&
          !this.#expected.some((message) =>
            message.test(`${line.msg} ${line.err?.message}`),
          ),
      );
    this.#checked = this.log.length;
    this.#expected = [];
    if (unexpected.length > 0)
      throw new Error(
        `unexpected in the log: ${JSON.stringify(unexpected, null, 2)}`,
      );
  }
}

/** Mounts with `setup`, listens on a free port, and ends with the test. */
export async function serveWith(
  setup: (loop: Loop) => unknown,
  options?: Omit<LoopOptions, "log">,
  engine: ListenOptions = {},
): Promise<TestServer> {
  const server = new TestServer(options);
  setup(server.loop);
  const where = engine.unix === undefined ? { port: 0, host: "127.0.0.1" } : {};
  const target = { ...where, ...engine };
  server.address = await server.loop.listen(target);
  return server;
}
