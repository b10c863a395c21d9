/** What the command tells of itself. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import {
  createServer as createHttpServer,
  get,
  type IncomingMessage,
} from "node:http";
import { expect } from "chai";
import type { ApplicationStatus } from "../../lib/index.ts";
import { Eddy, eddy, PATIENCE_MS, shorter } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { needsPython, PYTHON } from "../support/python.ts";
import { RawClient } from "../support/raw-client.ts";

const APP = `
  import { suspend } from "effection";
  export default function* (request) {
    request.log.info({ headers: { authorization: "Basic x", cookie: "a=b", accept: "*" } }, "in the app");
    if (request.path === "/never") { console.error("inside"); yield* suspend(); }
    if (request.path === "/spin") { console.error("spins"); for (;;) Math.sqrt(2); }
    if (request.path === "/pid") return String(process.pid);
    return "hello";
  };`;

describe("The status", function () {
  this.timeout(PATIENCE_MS);

  it("tells of supervisor and workers, in JSON, for Prometheus and in a terminal; and halts what runs", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const path = folderWith({ "app.mjs": APP });
    const command = eddy(
      path,
      ["app.mjs", "--workers", "2", "--stats", stats],
      shorter({ reportMs: 100 }),
    );
    const workers = await command.workers();
    await command.text();
    const client = await RawClient.connect(
      Number(new URL(await command.url()).port),
    );
    client.request("GET /never");
    await command.complains(/inside/);

    const ask = async (where: string, init?: RequestInit): Promise<Response> =>
      await fetch(`http://${stats}${where}`, init);
    let status;
    do status = await (await ask("/")).json();
    while (
      status.requests < 2 ||
      !status.workers.some(
        (worker: { inFlight: number }) => worker.inFlight === 1,
      )
    ); // they report now and then
    expect(status).to.include({ pid: command.pid, restarts: 0, requests: 2 });
    expect(status.outcomes).to.include({ ok: 1, error: 0 });
    expect(
      status.workers.map(({ pid }: { pid: number }) => pid),
    ).to.have.members(workers);
    expect(status.workers[0]).to.include({ state: "ready" });
    expect(status.workers[0].rss).to.be.greaterThan(1e6);

    expect(status.connections).to.deep.equal({
      open: 1,
      refused: 0,
      unserved: 0,
    });

    expect(status.sockets).to.include({ open: 0, opened: 0, dropped: 0 });

    const metrics = await (await ask("/metrics")).text();
    expect(metrics).to.match(/^eddy_sockets\{pid="\d+"\} 0$/m);
    expect(metrics).to.match(/^eddy_connections_unserved\{pid="\d+"\} 0$/m);
    expect(metrics).to.match(/^eddy_requests_total\{outcome="ok"\} 1$/m);
    expect(metrics).to.match(/^eddy_workers\{state="ready"\} 2$/m);
    expect(metrics).to.match(
      /^eddy_worker_resident_memory_bytes\{pid="\d+"\} \d{7,}$/m,
    );
    expect(metrics).to.match(
      /^eddy_worker_last_report_age_seconds\{pid="\d+"\} [\d.]+$/m,
    );

    const top = new Eddy(path, ["top", "--stats", stats]);
    expect(await top.ended).to.equal(0);
    expect(top.lines[0]).to.match(
      /^eddy \S+, supervisor \d+, up \d+ s, 2 requests, 0 restarts$/,
    );
    expect(
      top.lines.slice(4, 6).map((line) => Number(/^\d+/.exec(line))),
    ).to.have.members(workers);

    expect(top.lines.at(-1)).to.match(/GET \/never +suspend$/);

    const tasks = (await (await ask("/tasks")).json()) as {
      exchanges: { id: string; name: string; waitsFor: string }[];
    }[];
    const [exchange] = tasks.flatMap(({ exchanges }) => exchanges);
    expect(exchange).to.include({ name: "GET /never", waitsFor: "suspend" });
    const halt = `/tasks/${exchange!.id}/halt`;
    expect(await (await ask(halt, { method: "POST" })).json()).to.deep.equal({
      id: exchange!.id,
      halted: true,
    });
    await client.until(/HTTP\/1.1 503 /);
    expect((await ask(halt, { method: "POST" })).status).to.equal(404);
    expect((await ask("/nothing")).status).to.equal(404);
  });

  it("tells what stands behind applications: processes, threads, and servers with who is left out and why", async function () {
    needsPython(this);
    const stats = `127.0.0.1:${await freePort()}`;
    const path = folderWith({
      "app.py": `
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]`,
      "threads.mjs": `
import { wsgi } from "eddy/adapters/wsgi";
export default wsgi({ module: new URL("./app.mjs", import.meta.url), export: "wsgi", threads: 1 });`,
      "app.mjs": `
export function wsgi(environ, start) { start("200 OK", []); return ["hello"]; }`,
      "back.mjs": `
import { http } from "eddy/adapters/http";
export default http("unix:/nowhere/socket");`,
    });
    const mounts = [
      "/=python:app:app",
      "/threads=threads.mjs",
      "/back=back.mjs",
    ];
    const command = eddy(
      path,
      [
        ...mounts.flatMap((mount) => ["--mount", mount]),
        "--python",
        PYTHON,
        "--stats",
        stats,
      ],
      shorter({ reportMs: 100 }),
    );
    const [worker] = await command.workers();
    await command.text("/back");
    const ask = async (where: string): Promise<Response> =>
      await fetch(`http://${stats}${where}`);
    let applications: ApplicationStatus[];
    do applications = (await (await ask("/")).json()).workers[0].applications;
    while (
      applications.find(({ kind }) => kind === "http")?.parts[0]?.state !==
      "out"
    ); // it reports now and then
    expect(applications.map(({ kind }) => kind)).to.deep.equal([
      "python",
      "threads",
      "http",
    ]);
    const [python, threads, http] = applications;
    const [process_] = python!.parts;
    expect(process_).to.include({ state: "ready", inFlight: 0 });
    expect(process_!.name).to.match(/^\d+$/);
    expect(threads!.parts).to.have.length(1);
    expect(http!.parts[0]!.why).to.match(/ENOENT/);

    const metrics = await (await ask("/metrics")).text();
    const labels = `pid="${worker}",application="app:app"`;
    for (const line of [
      `eddy_application_requests_queued{${labels}} 0`,
      `eddy_application_restarts{${labels}} 0`,
      `eddy_application_parts{${labels},kind="python",state="ready"} 1`,
      `eddy_application_parts{pid="${worker}",application="unix:/nowhere/socket",kind="http",state="out"} 1`,
      `eddy_application_part_requests_in_flight{${labels},part="${process_!.name}"} 0`,
    ])
      expect(metrics.split("\n")).to.include(line);
    if (process.platform === "linux")
      expect(metrics).to.match(
        /^eddy_application_part_resident_memory_bytes\{.*\} \d{7,}$/m,
      );

    const top = new Eddy(path, ["top", "--stats", stats]);
    expect(await top.ended).to.equal(0);
    expect(top.lines.join("\n")).to.match(
      /^python app:app of worker \d+, 0 requests waiting, 0 restarts\n/m,
    );
  });

  it("counts every request of a worker that has ended, also those of its last second, and those that were halted", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const command = eddy(
      folderWith({ "app.mjs": APP }),
      ["app.mjs", "--stats", stats, "--drain-timeout", "50ms", "--linger", "0"],
      shorter({ reportMs: 60_000 }), // none but the first
    );
    for (let i = 0; i < 3; i++) await command.text();
    const { port } = new URL(await command.url());
    const client = await RawClient.connect(Number(port));
    client.request("GET /never");
    await command.complains(/inside/);
    command.kill("SIGHUP");
    await command.logged(/^reloaded 1 worker$/);
    await client.untilClosed();
    let status;
    do status = await (await fetch(`http://${stats}/`)).json();
    while (status.workers.length > 1);
    expect(status).to.include({ requests: 4 });
    expect(status.outcomes).to.include({ ok: 3, drain: 1 });
    const metrics = await (await fetch(`http://${stats}/metrics`)).text();
    expect(metrics).to.match(/^eddy_requests_total\{outcome="drain"\} 1$/m);
  });

  it("says which worker does not answer, and what runs in the others can be halted meanwhile", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const path = folderWith({ "app.mjs": APP });
    const command = eddy(
      path,
      ["app.mjs", "--workers", "2", "--stats", stats],
      shorter({ workerAnswerMs: 500 }),
    );
    const port = Number(new URL(await command.url()).port);
    const clients = new Map<number, RawClient>(); // one for each worker
    while (clients.size < 2) {
      const client = await RawClient.connect(port);
      client.request("GET /pid");
      await client.until(/\r\n\r\n\d+$/);
      clients.set(Number(/\d+$/.exec(client.received)![0]), client);
    }
    const [[stuck, spinning], [other, waiting]] = [...clients] as [
      [number, RawClient],
      [number, RawClient],
    ];
    spinning.request("GET /spin");
    waiting.request("GET /never");
    await command.complains(/spins/);
    await command.complains(/inside/);

    const tasks = (await (await fetch(`http://${stats}/tasks`)).json()) as {
      pid: number;
      exchanges?: { id: string; name: string }[];
    }[];
    expect(tasks.find(({ pid }) => pid === stuck)).to.deep.equal({
      pid: stuck,
      answers: false,
    });
    const [exchange] = tasks.find(({ pid }) => pid === other)!.exchanges!;
    const halt = `http://${stats}/tasks/${exchange!.id}/halt`;
    expect(await (await fetch(halt, { method: "POST" })).json()).to.include({
      halted: true,
    });
    await waiting.until(/HTTP\/1.1 503 /);
    const late = await fetch(halt, { method: "POST" });
    expect(late.status).to.equal(504);
    expect(await late.json()).to.deep.equal({
      id: exchange!.id,
      halted: false,
      silent: [stuck],
    });
    process.kill(stuck, "SIGKILL"); // it would not end otherwise
  });

  it("is told on a Unix socket, too", async () => {
    const path = folderWith({ "app.mjs": APP });
    const command = eddy(path, ["app.mjs", "--stats", "unix:./stats.sock"]);
    await command.url();
    const [response] = (await once(
      get({ socketPath: join(path, "stats.sock"), path: "/" }),
      "response",
    )) as [IncomingMessage];
    const text = (await response.setEncoding("utf8").toArray()).join("");
    expect(JSON.parse(text)).to.include({ pid: command.pid });
  });

  it("is told on IPv6, too, to eddy top as well", async () => {
    const stats = `[::1]:${await freePort()}`;
    const path = folderWith({ "app.mjs": APP });
    const command = eddy(path, ["app.mjs", "--stats", stats]);
    await command.url();
    const top = new Eddy(path, ["top", "--stats", stats]);
    expect(await top.ended).to.equal(0);
    expect(top.lines[0]).to.include(`supervisor ${command.pid}`);
  });

  it("takes nobody's place: not that of a file, nor of another eddy", async () => {
    const path = folderWith({ "app.mjs": APP, "notes.txt": "kept" });
    const first = eddy(path, ["app.mjs", "--stats", "unix:./stats.sock"]);
    await first.url();
    for (const [stats, why, code] of [
      ["unix:./notes.txt", "the file there is not a socket", 2],
      ["unix:./stats.sock", "another process listens there", 1],
    ] as const) {
      const command = eddy(path, ["app.mjs", "--stats", stats]);
      expect(await command.ended).to.equal(code);
      expect(command.stderr).to.match(/^eddy: stats: cannot listen on/m);
      expect(command.stderr).to.include(why);
    }
    expect(readFileSync(join(path, "notes.txt"), "utf8")).to.equal("kept");
    const top = new Eddy(path, ["top", "--stats", "unix:./stats.sock"]);
    expect(await top.ended).to.equal(0);
  });

  it("takes the place of an eddy that was killed", async () => {
    const path = folderWith({ "app.mjs": APP });
    const args = ["app.mjs", "--stats", "unix:./stats.sock"];
    const killed = eddy(path, args);
    await killed.url();
    killed.kill("SIGKILL");
    await killed.ended;
    const command = eddy(path, args);
    await command.url();
    const top = new Eddy(path, ["top", "--stats", "unix:./stats.sock"]);
    expect(await top.ended).to.equal(0);
  });

  it("is not waited for longer than a few seconds", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const stats = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const top = new Eddy(
      folderWith({}),
      ["top", "--stats", stats],
      shorter({ statusAnswerMs: 500 }),
    );
    const [socket] = (await once(silent, "connection")) as [Socket];
    expect(await top.ended).to.equal(1);
    expect(top.stderr).to.match(/no eddy tells its status at .*: no answer\n$/);
    socket.destroy();
    silent.close();
  });

  it("is nowhere if the address is taken, or nobody tells it", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const stats = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const path = folderWith({ "app.mjs": APP });
    const command = eddy(path, ["app.mjs", "--stats", stats]);
    expect(await command.ended).to.equal(1);
    expect(command.stderr).to.match(
      /stats: cannot listen on 127\.0\.0\.1:\d+: another process listens there/,
    );
    taken.close();
    const top = new Eddy(path, ["top", "--stats", "unix:./nothing.sock"]);
    expect(await top.ended).to.equal(1);
    expect(top.stderr).to.match(
      /no eddy tells its status at unix:\.\/nothing\.sock/,
    );
    const other = createHttpServer((_, response) => {
      response.end('{ "versions": {} }');
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const wrong = new Eddy(path, ["top", "--stats", `127.0.0.1:${port}`]);
    expect(await wrong.ended).to.equal(1);
    expect(wrong.stderr).to.match(
      /at 127.*: what answers there is not an eddy\n$/,
    );
    other.close();
    const nameless = new Eddy(path, ["top"]);
    expect(await nameless.ended).to.equal(2);
    expect(nameless.stderr).to.match(/which eddy\? name the address/);
  });
});
