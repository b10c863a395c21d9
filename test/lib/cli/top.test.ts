/** What `eddy top` draws. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import type { Status } from "../../../lib/cli/status.ts";
import { table } from "../../../lib/cli/top.ts";
import { IN_SHELL } from "../../support/command.ts";

const MiB = 1024 ** 2;
const NONE = { abort: 0, timeout: 0, error: 0, shed: 0, drain: 0 };

function statusWith(...requests: number[]): Status {
  const workers = requests.map((count, i) => ({
    pid: 100 + i,
    state: i === 0 ? "ready" : "closing",
    uptimeMs: 1000,
    requests: count,
    outcomes: { ...NONE, ok: count },
    inFlight: i,
    loopDelayMs: { mean: 1, max: 10.5 },
    rss: 50.2 * MiB,
    applications: [],
  }));
  const all = requests.reduce((sum, count) => sum + count, 0);
  return {
    pid: 99,
    uptimeMs: 61_400,
    rss: 40 * MiB,
    versions: { eddy: "1.2.3" },
    restarts: 2,
    crashes: 0,
    requests: all,
    outcomes: { ...NONE, ok: all },
    workers,
  } as unknown as Status;
}

describe("eddy top", () => {
  it("draws the supervisor, the outcomes, and a line for each worker", () => {
    expect(table(statusWith(7, 1200)).split("\n")).to.deep.equal([
      "eddy 1.2.3, supervisor 99, up 61 s, 1207 requests, 2 restarts",
      "abort 0, timeout 0, error 0, shed 0, drain 0, ok 1207",
      "",
      "worker    state     requests  a second  in flight delay ms  memory",
      "100       ready     7                   0         10.5      50MiB",
      "101       closing   1200                1         10.5      50MiB",
    ]);
  });

  it("draws what stands behind the applications of each worker", () => {
    const status = statusWith(7);
    const process = { name: "4711", state: "ready", inFlight: 2, rss: MiB };
    const server = { name: "10.0.0.7:80", state: "out", inFlight: 0 };
    const why = "connect ECONNREFUSED 10.0.0.7:80";
    const [worker] = status.workers as unknown as [{ applications: object[] }];
    worker.applications = [
      {
        kind: "python",
        name: "app:app",
        queued: 3,
        restarts: 1,
        parts: [process],
      },
      {
        kind: "http",
        name: "10.0.0.7:80",
        queued: 0,
        restarts: 0,
        parts: [{ ...server, why }],
      },
    ];
    expect(table(status).split("\n").slice(5)).to.deep.equal([
      "",
      "python app:app of worker 100, 3 requests waiting, 1 restart",
      "part      state     in flight memory",
      "4711      ready     2         1MiB",
      "",
      "http 10.0.0.7:80 of worker 100, 0 requests waiting, 0 restarts",
      "part        state     in flight memory",
      `10.0.0.7:80 out       0                   ${why}`,
    ]);
  });

  it("draws the ten oldest tasks of all workers, and what they wait for", () => {
    const task = (id: string, ageMs: number) => ({
      id,
      ageMs,
      client: "::1",
      name: "GET /slow",
      query: "",
      waitsFor: "sleep(9)",
      children: [],
    });
    const young = Array.from({ length: 10 }, (_, i) => task(`y${i}`, 100 + i));
    const lines = table(statusWith(7), undefined, [
      { pid: 100, exchanges: young, sockets: [] },
      { pid: 101, exchanges: [task("old", 61_000)], sockets: [] },
      { pid: 102, answers: false },
    ]).split("\n");
    expect(lines[6]).to.match(/^age s +worker +id +client +oldest +waits for$/);
    expect(lines[7]).to.match(/^61\.0 +101 +old +::1 +GET \/slow +sleep\(9\)$/);
    expect(lines).to.have.lengthOf(17);
    expect(lines.join()).to.not.contain("y0 ");
  });

  it("draws the requests since the last time, of workers that were there", () => {
    const lines = table(statusWith(10, 5), statusWith(4)).split("\n");
    expect(lines[4]).to.match(/^100 +ready +10 +6 +0 /);
    expect(lines[5]).to.match(/^101 +closing +5 +1 /); // new: none in this second, 1 in flight
  });

  it("is refreshed on a terminal, from its top, until it is told to end", async function () {
    const asked: string[] = [];
    let requests = 0;
    const server = createServer((request, response) => {
      asked.push(request.url!);
      const isTasks = request.url === "/tasks/oldest";
      response.end(JSON.stringify(isTasks ? [] : statusWith((requests += 3))));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    // exec: a shell that waited would be hit by the Ctrl-C too, and end with that, whatever the command made of it
    const command = `exec ${IN_SHELL} top --stats 127.0.0.1:${port}`;
    const terminal = spawn("script", ["-qefc", command, "/dev/null"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    try {
      await once(terminal, "spawn");
    } catch {
      server.close();
      return this.skip(); // nobody here makes terminals
    }
    let screen = "";
    const twice =
      /\x1b\[H\x1b\[2Jeddy [^]*100 +ready +3 [^]*\x1b\[H\x1b\[2Jeddy [^]*100 +ready +6 +3 /; // oxlint-disable-line no-control-regex
    for await (const piece of terminal.stdout.setEncoding("utf8")) {
      screen += piece;
      if (twice.test(screen) && terminal.stdin.writable)
        terminal.stdin.end("\x03"); // what Ctrl-C sends: the terminal makes SIGINT of it
    }
    server.close();
    expect(screen).to.match(twice);
    expect(terminal.exitCode ?? (await once(terminal, "exit"))[0]).to.equal(0);
    expect(new Set(asked)).to.deep.equal(new Set(["/", "/tasks/oldest"]));
  });
});
