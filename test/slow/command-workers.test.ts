/** The workers of the command, and how they end: real processes, real signals. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import {
  eddy,
  eddyThatCrashes,
  PATIENCE_MS,
  shorter,
} from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { RawClient } from "../support/raw-client.ts";
import { SocketClient } from "../support/web-socket.ts";
import { folder, runs } from "../lifecycle/application.ts";

describe("Workers", function () {
  this.timeout(PATIENCE_MS);

  it("share the port, as many as there are to be, and none of them is the supervisor", async () => {
    const command = eddy(folder(), ["app.mjs", "--workers", "2"]);
    const workers = await command.workers();
    expect(workers).to.have.length(2);
    const seen = new Set<number>();
    // a new connection each: the kernel spreads them
    while (seen.size < 2) seen.add(Number(await command.text("/pid")));
    expect([...seen]).to.have.members(workers);
    expect(seen).to.not.include(command.pid);
  });

  for (const workers of ["1", "2"])
    it(`tell applications of WSGI whether there are several: ${workers}`, async () => {
      const app = `
        import { wsgi } from "eddy/adapters/wsgi";
        export default wsgi((environ, startResponse) => {
          startResponse("200 OK", []);
          return [String(environ["wsgi.multiprocess"])];
        });`;
      const path = folderWith({ "app.mjs": app });
      const command = eddy(path, ["app.mjs", "--workers", workers]);
      expect(await command.text()).to.equal(String(workers !== "1"));
    });

  it("end with the supervisor, even if it is killed", async () => {
    const command = eddy(folder(), ["app.mjs"]);
    const [worker] = await command.workers();
    command.kill("SIGKILL");
    expect((await command.logged(/^stopped$/)).pid).to.equal(worker);
    expect(await command.ended).to.equal("SIGKILL"); // its output ends when the worker has let go of it, too
  });

  it("end with the supervisor, even if it is killed while they load the application", async () => {
    const folder = folderWith({
      "app.mjs": `
        import { once } from "node:events";
        process.kill(process.ppid, "SIGKILL");
        await once(process, "disconnect");
        export default () => "never asked";`,
    });
    expect(await eddy(folder, ["app.mjs"]).ended).to.equal("SIGKILL"); // its output ends when the worker has ended, too
  });

  it("drain when the supervisor is killed while they have something to tell it", async () => {
    const app = `
      const { ppid } = process;
      export default () => {
        console.error("inside");
        while (process.ppid === ppid);
        const since = Date.now();
        while (Date.now() < since + 100); // a report is due, and comes before the end of the channel is seen
        return "served";
      }`;
    const command = eddy(
      folderWith({ "app.mjs": app }),
      ["app.mjs"],
      shorter({ reportMs: 50 }),
    );
    const { port } = new URL(await command.url());
    const client = await RawClient.connect(Number(port));
    client.request("GET /");
    await command.complains(/inside/);
    command.kill("SIGKILL");
    await client.until(/served$/);
    await command.logged(/^stopped$/);
    expect(await command.ended).to.equal("SIGKILL");
    expect(command.stderr).to.not.match(/EPIPE/);
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const)
    it(`finish what they have at ${signal}, and stop at once at a second signal`, async () => {
      const command = eddy(folder(), ["app.mjs"]);
      const client = await RawClient.connect(
        Number(new URL(await command.url()).port),
      );
      client.request("GET /never");
      await command.complains(/inside/);
      command.kill(signal);
      for (const worker of await command.workers())
        if (signal !== "SIGTERM") process.kill(worker, signal); // a terminal sends it to all
      await command.logged(new RegExp(`^${signal}: the workers finish`));
      const second = signal === "SIGTERM" ? "SIGINT" : "SIGTERM";
      command.kill(second);
      await command.logged(new RegExp(`^${second} again: the workers stop`));
      expect(await client.untilClosed()).to.match(/HTTP\/1.1 503 /);
      expect(await command.ended).to.equal(0);
    });

  it("are halted after the drain's time", async () => {
    const command = eddy(folder(), ["app.mjs", "--drain-timeout", "50ms"]);
    const client = await RawClient.connect(
      Number(new URL(await command.url()).port),
    );
    client.request("GET /never");
    await command.complains(/inside/);
    command.kill("SIGTERM");
    expect(await client.untilClosed()).to.match(/HTTP\/1.1 503 /);
    await command.logged(/1 exchange had to be halted/);
    expect(await command.ended).to.equal(0);
  });

  it("say at their end how many sockets were closed, and had to be halted", async () => {
    const app = `
      import { Loop, upgrade } from "eddy";
      import { suspend } from "effection";
      export default new Loop().websocket("/", upgrade(suspend)).websocket("/ends", upgrade(async (socket) => {
        await socket.receive();
      }));`;
    const command = eddy(folderWith({ "app.mjs": app }), [
      "app.mjs",
      "--drain-timeout",
      "50ms",
    ]);
    const port = Number(new URL(await command.url()).port);
    for (const path of ["/", "/ends"]) await SocketClient.open(port, path);
    command.kill("SIGTERM");
    const line = await command.logged(/^stopped; 1 socket had to be halted$/);
    expect(line.sockets).to.deep.equal({ closed: 2, halted: 1 });
    expect(await command.ended).to.equal(0);
  });

  it("are halted at once if they are given no time, whatever the application would give", async () => {
    const app =
      "import { Loop } from 'eddy'; export default new Loop({ drainTimeoutMs: 60_000 }).get('/never', () => { console.error('inside'); return new Promise(() => {}); });";
    const command = eddy(folderWith({ "app.mjs": app }), [
      "app.mjs",
      "--drain-timeout",
      "0",
    ]);
    const client = await RawClient.connect(
      Number(new URL(await command.url()).port),
    );
    client.request("GET /never");
    await command.complains(/inside/);
    command.kill("SIGTERM");
    expect(await client.untilClosed()).to.match(/HTTP\/1.1 503 /); // halted by the worker, which is not killed
    await command.logged(/1 exchange had to be halted/);
  });

  it("that do not end are killed after the time that the application gives them", async () => {
    const app =
      "import { Loop } from 'eddy'; export default new Loop({ drainTimeoutMs: 10, teardownTimeoutMs: 10 }).get('/stuck', () => { console.error('inside'); for (;;); });";
    const command = eddy(
      folderWith({ "app.mjs": app }),
      ["app.mjs", "--worker-timeout", "none"],
      shorter({ exitMs: 100 }),
    );
    const client = await RawClient.connect(
      Number(new URL(await command.url()).port),
    );
    client.request("GET /stuck");
    await command.complains(/inside/);
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0); // by default, it would take longer than the test may
  });

  it("that crash are started again, and the log has the error and the request that ran", async () => {
    const command = await eddyThatCrashes(folder(), ["app.mjs"]);
    const [first] = await command.workers();
    await command.text("/crash").catch(() => "cut");
    const ended = await command.logged(/has ended: Error: boom/);
    expect(ended.msg).to.match(
      new RegExp(`^worker ${first} at GET /crash \\([\\w-]+\\) has ended: `),
    );
    const fails = await command.logged(/^the worker fails$/);
    expect(fails.requests).to.deep.equal(ended.requests);
    await command.logged(/^listening on/, 2);
    expect(Number(await command.text("/pid"))).to.not.equal(first);
  });

  it("that cannot tell how they are are started again, too", async () => {
    const command = await eddyThatCrashes(folder(), ["app.mjs"]);
    await command.text("/unmeasured");
    await command.logged(/has ended: Error: no memory to see/);
    await command.logged(/^listening on/, 2);
    expect(await command.text()).to.equal("hello");
  });

  it("that a request ends are named with it, and with those that ran beside it", async () => {
    const command = await eddyThatCrashes(folder(), ["app.mjs"]);
    const { port } = new URL(await command.url());
    const client = await RawClient.connect(Number(port));
    client.request("GET /never");
    await command.complains(/inside/);
    await command.text("/exit").catch(() => "cut");
    const { msg } = await command.logged(/has ended: it ended with code 7$/);
    expect(msg).to.match(
      /^worker \d+ at GET \/never \(\S+\), GET \/exit \(\S+\) has ended/,
    );
  });

  it("that are killed are named with what they were at when they last reported", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const command = await eddyThatCrashes(
      folder(),
      ["app.mjs", "--stats", stats],
      shorter({ reportMs: 50 }),
    );
    const { port } = new URL(await command.url());
    const [worker] = await command.workers();
    const client = await RawClient.connect(Number(port));
    client.request("GET /never");
    for (let inFlight = 0; inFlight === 0;) {
      const { workers } = (await (await fetch(`http://${stats}/`)).json()) as {
        workers: { inFlight: number }[];
      };
      inFlight = workers[0]!.inFlight;
    }
    process.kill(worker!, "SIGKILL");
    const { msg } = await command.logged(/ended by SIGKILL$/);
    expect(msg).to.match(
      /^worker \d+, \d+ ms before at GET \/never \(\S+\), has ended: it was/,
    );
  });

  it("that are killed are started again, and only their own requests are lost", async () => {
    const command = eddy(folder(), ["app.mjs", "--workers", "2"]);
    const [first, second] = await command.workers();
    process.kill(first!, "SIGKILL");
    await command.logged(/it was ended by SIGKILL/);
    await command.logged(/^listening on/, 3);
    expect(runs(second!)).to.equal(true);
    expect(await command.text()).to.equal("hello");
  });

  it("that crash again and again at the start end the command, with the worker's error", async () => {
    const crashing = folderWith({
      "app.mjs":
        // even a tick may be later than its address
        "queueMicrotask(() => { throw new Error('always'); }); export default () => '';",
    });
    const quick = shorter({ firstRestartMs: 10 });
    const command = await eddyThatCrashes(crashing, ["app.mjs"], quick);
    expect(await command.ended).to.equal(1);
    expect(command.stderr).to.match(/eddy: Error: always\n {4}at /);
    expect(
      command.log.filter(({ msg }) => msg.includes("has ended")),
    ).to.have.length(5);
  });

  it("that one URL ends again and again are started again, soon each time, and the command goes on", async () => {
    const command = eddy(
      folder(),
      ["app.mjs", "--workers", "2"],
      shorter({ restartMs: 10, firstRestartMs: 60_000 }),
    );
    await command.workers();
    for (let crashes = 1; crashes <= 5; crashes++) {
      await command.text("/crash").catch(() => "cut");
      await command.logged(/has ended: Error: boom/, crashes);
      expect(await command.text()).to.equal("hello"); // the other one
      await command.logged(/^listening on/, 2 + crashes);
    }
  });

  it("that are stuck are ended, and the log names the request and the place that held them", async () => {
    const command = await eddyThatCrashes(folder(), [
      "app.mjs",
      "--worker-timeout",
      "300ms",
    ]);
    await command.text("/spin").catch(() => "cut");
    const { msg, stack } = await command.logged(
      /^the event loop has not turned for 300 ms/,
    );
    expect(msg).to.match(/it runs GET \/spin \(\w+-1\); the worker is ended$/);
    expect((stack as string[])[0]).to.match(/app\.mjs:7/);
    await command.logged(/it was ended by SIGKILL/);
    await command.logged(/^listening on/, 2);
    expect(await command.text()).to.equal("hello");
  });

  it("that are stuck leave the access lines of what they had answered", async () => {
    const path = folder();
    const command = await eddyThatCrashes(path, [
      "app.mjs",
      "--worker-timeout",
      "300ms",
      "--access-log",
      "access.log",
    ]);
    const { port } = new URL(await command.url());
    const client = await RawClient.connect(Number(port));
    client.request("GET /answered");
    await client.until(/hello$/);
    client.request("GET /spin"); // before the line is due
    await command.logged(/it was ended by SIGKILL/);
    expect(readFileSync(join(path, "access.log"), "utf8")).to.include(
      '"/answered"',
    );
  });

  it("that stall for a while go on, and the warning has the request and the place that held them", async () => {
    const command = eddy(folder(), ["app.mjs"]);
    expect(await command.text("/busy")).to.equal("done");
    const line = await command.logged(/kept the loop for \d+ ms or more/);
    expect(line).to.include({ method: "GET", path: "/busy" });
    expect((line.stack as string[])[0]).to.match(/app\.mjs:9/);
  });

  it("that are stuck in native code are ended, too", async () => {
    const command = await eddyThatCrashes(
      folder(),
      ["app.mjs", "--worker-timeout", "300ms"],
      shorter({ watchdogAnswerMs: 300 }),
    );
    await command.text("/block").catch(() => "cut");
    await command.logged(
      /^the event loop has not turned for 300 ms; it is in native code; the worker is ended$/,
    );
    await command.logged(/^listening on/, 2);
  });

  it("that report nothing for workerTimeout, as one that is stopped, are ended and replaced, and the status has seen it", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const places = ["--stats", stats, "--access-log", "access.log"];
    const path = folder();
    const command = await eddyThatCrashes(
      path,
      ["app.mjs", "--worker-timeout", "300ms", ...places],
      shorter({ reportMs: 50, headStartMs: 500 }),
    );
    const [worker] = await command.workers();
    await command.text("/answered");
    process.kill(worker!, "SIGSTOP");
    for (let silentMs = 0; silentMs < 200;) {
      const { workers } = (await (await fetch(`http://${stats}/`)).json()) as {
        workers: { lastReportMs: number }[];
      };
      silentMs = workers[0]!.lastReportMs;
    }
    const { msg } = await command.logged(/has reported nothing for/);
    expect(msg).to.match(
      new RegExp(`^worker ${worker} has .* for \\d+ ms \\(workerTimeout\\);`),
    );
    await command.logged(/^worker .* has ended: it ended with code 0$/);
    expect(readFileSync(join(path, "access.log"), "utf8")).to.include(
      '"/answered"', // it went on for long enough to write it
    );
    await command.logged(/^listening on/, 2);
    expect(await command.text()).to.equal("hello");
  });

  it("that are stopped go on when they are to end, and finish what they have", async () => {
    const command = eddy(folder(), ["app.mjs"]);
    const [worker] = await command.workers();
    process.kill(worker!, "SIGSTOP");
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
    expect((await command.logged(/^stopped$/)).pid).to.equal(worker);
  });

  it("are replaced after so many requests, or with so much memory", async () => {
    const quick = shorter({ reportMs: 100 });
    const command = eddy(folder(), ["app.mjs", "--max-requests", "3"], quick);
    const [first] = await command.workers();
    for (let i = 0; i < 3; i++) await command.text();
    expect((await command.logged(/it has had 3 requests$/)).msg).to.include(
      String(first),
    );
    await command.logged(/^stopped$/);
    expect(Number(await command.text("/pid"))).to.not.equal(first);

    const heavy = eddy(folder(), ["app.mjs", "--max-rss", "1MiB"], quick);
    await heavy.logged(/is replaced: it takes \d+ MiB/);
    await heavy.logged(/^stopped$/);
  });
});
