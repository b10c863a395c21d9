/** Topics between two machines, with a broker on a third one. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { BROKERS, type BrokerKind } from "../support/brokers.ts";
import { folderWith } from "../support/folder.ts";
import { afterTest } from "../support/hooks.ts";
import { describeIf, PROGRAM_ENV } from "../support/programs.ts";
import { Machine, machinesMissing } from "./machines.ts";

const PATIENCE_MS = 120_000;
const PORT = 4999;

/** A gateway with one socket of its own, which prints what that gets, and publishes what it reads. */
const GATEWAY = `
  import { createInterface } from "node:readline";
  import { WebSocket } from "ws";
  import { Loop, upgrade } from "eddy";
  import { nats } from "eddy/brokers/nats";
  import { redis } from "eddy/brokers/redis";
  const [kind, url] = process.argv.slice(2);
  const loop = new Loop({ engine: "node", topics: { nats, redis }[kind](url) });
  loop.websocket("/", upgrade(async (socket) => {
    socket.subscribe("news");
    await socket.send("ready");
    while ((await socket.receive()) !== undefined);
  }));
  const { port } = await loop.listen({ port: 0, host: "127.0.0.1" });
  new WebSocket(\`ws://127.0.0.1:\${port}/\`).on("message", (data) => console.log(\`got \${data}\`));
  createInterface(process.stdin).on("line", (line) =>
    loop.publish("news", line).then(
      () => console.log(\`out \${line}\`),
      (error) => console.log(\`lost \${error.code}\`),
    ));`;

class Program {
  readonly lines: string[] = [];
  readonly child: ChildProcess;
  #waiting: (() => void)[] = [];

  constructor(machine: Machine, program: string, args: readonly string[]) {
    const [command, all] = machine.command(program, ...args);
    this.child = spawn(command, all, {
      env: PROGRAM_ENV,
      stdio: ["pipe", "pipe", "pipe"],
    });
    afterTest(async () => {
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        return;
      this.child.kill("SIGKILL");
      await once(this.child, "exit");
    });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      createInterface(stream).on("line", (line) => {
        this.lines.push(line);
        for (const look of this.#waiting.splice(0)) look();
      });
  }

  say(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  async printed(line: RegExp): Promise<void> {
    while (!this.lines.some((one) => line.test(one)))
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** Publishes until the other one has got it: nobody says when the subscription is there. */
async function heard(from: Program, to: Program, word: string): Promise<void> {
  const got = to.printed(new RegExp(`got ${word}`));
  const timer = setInterval(() => from.say(word), 50);
  await got;
  clearInterval(timer);
}

async function between(kind: BrokerKind): Promise<void> {
  const [middle, left, right] = Machine.network(3) as [
    Machine,
    Machine,
    Machine,
  ];
  const folder = folderWith(
    { "gateway.mjs": GATEWAY },
    { packages: ["effection", "ws"] },
  );
  const place = { port: PORT, monitor: PORT + 1, folder, host: middle.address };
  const broker = new Program(middle, kind.program, kind.args(place));
  await broker.printed(/Server is ready|Ready to accept connections/);
  const url = `${kind.name}://${middle.address}:${PORT}`;
  const [a, b] = [left, right].map(
    (machine) =>
      new Program(machine, process.execPath, [
        `${folder}/gateway.mjs`,
        kind.name,
        url,
      ]),
  ) as [Program, Program];
  for (const gateway of [a, b]) await gateway.printed(/^got ready$/);
  await heard(a, b, "hello");
  await heard(b, a, "back");

  right.unplug();
  await b.printed(/there is no connection to/); // after the second ping that nobody answers
  const gone = b.printed(/^lost EDDY_BROKER$/);
  b.say("for us alone");
  await gone;
  await b.printed(/^got for us alone$/);
  a.say("not for b");
  await a.printed(/^out not for b$/);
  right.plugIn();
  await b.printed(/is there again/);
  await heard(a, b, "again");
  await heard(b, a, "all is well");
  expect(a.lines).to.not.include("got for us alone");
  expect(b.lines).to.not.include("got not for b");
  expect(a.lines.filter((line) => /no connection/.test(line))).to.deep.equal(
    [],
  );
}

describeIf(machinesMissing(), "Topics between machines", function () {
  this.timeout(PATIENCE_MS);

  for (const kind of BROKERS)
    it(`go by ${kind.name}, and come back when a cable was pulled`, async () => {
      expect(kind.missing).to.equal(undefined);
      await between(kind);
    });
});
