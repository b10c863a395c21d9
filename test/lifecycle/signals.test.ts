/** A loop that runs as a program: real processes, real signals. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { expect } from "chai";
import { afterEach } from "mocha";
import { RawClient } from "../support/raw-client.ts";

const INDEX = new URL("../../lib/index.js", import.meta.url);

const PROGRAM = `
  import { suspend } from "effection";
  import { Loop } from ${JSON.stringify(INDEX)};
  let release;
  const released = new Promise((resolve) => (release = resolve));
  const loop = new Loop()
    .get("/finishes", async () => { console.log("inside"); await released; return "finished"; })
    .get("/never", function* () { console.log("inside"); yield* suspend(); return ""; });
  process.on("SIGUSR2", release);
  const report = await loop.serve({ port: Number(process.argv[1] ?? 0), host: "127.0.0.1" });
  console.log("report", JSON.stringify({ halted: report.halted.length, ...report.tally }));
`;

/** The program, as it runs. */
class Program {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #seen: string[] = [];
  readonly ended: Promise<number | string>;

  constructor(...args: string[]) {
    this.#child = spawn(
      process.execPath,
      ["--input-type=module", "-e", PROGRAM, "--", ...args],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#lines = createInterface(this.#child.stdout!);
    this.#lines.on("line", (line) => this.#seen.push(line));
    this.ended = once(this.#child, "close").then(
      ([code, signal]) => (code ?? signal) as number | string,
    );
  }

  /** The first line of its output that matches, also one to come. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (const line of this.#seen) {
        const match = pattern.exec(line);
        if (match) return match;
      }
      await Promise.race([
        once(this.#lines, "line"),
        this.ended.then((end) => {
          throw new Error(`ended (${end}) without ${String(pattern)}`);
        }),
      ]);
    }
  }

  async connect(): Promise<RawClient> {
    const [, port] = await this.says(/"port":(\d+)/);
    return RawClient.connect(Number(port));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

describe("A loop that runs as a program", () => {
  let program: Program;

  afterEach(() => program.kill("SIGKILL"));

  for (const signal of ["SIGTERM", "SIGINT"] as const)
    it(`drains at ${signal}, and ends with 0`, async () => {
      program = new Program();
      const client = await program.connect();
      client.request("GET /finishes");
      await program.says(/^inside/);
      program.kill(signal);
      await program.says(new RegExp(`"${signal}: draining"`));
      program.kill("SIGUSR2");
      expect(await client.untilClosed()).to.match(
        /connection: close[^]*finished$/i,
      );
      const [, report] = await program.says(/^report (.*)/);
      expect(JSON.parse(report!)).to.include({ halted: 0, accepted: 1, ok: 1 });
      expect(await program.ended).to.equal(0);
    });

  it("stops at once at the second signal, and says what it halted", async () => {
    program = new Program();
    const client = await program.connect();
    client.request("GET /never");
    await program.says(/^inside/);
    program.kill("SIGTERM");
    await program.says(/"SIGTERM: draining"/);
    program.kill("SIGINT");
    await program.says(/"SIGINT again: stopping at once"/);
    expect(await client.untilClosed()).to.match(/HTTP\/1.1 503 /);
    await program.says(/^report {"halted":1,.*"drain":1/);
    expect(await program.ended).to.equal(0);
  });

  it("ends with an error when it cannot listen", async () => {
    const first = (program = new Program());
    const [, port] = await program.says(/"port":(\d+)/);
    program = new Program(port!);
    expect(await program.ended).to.equal(1);
    first.kill("SIGKILL");
  });
});
