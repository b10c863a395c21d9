/** What the command tells of itself, and that it reloads what changes. */
import {
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import {
  createServer as createHttpServer,
  get,
  type IncomingMessage,
} from "node:http";
import { expect } from "chai";
import { configure } from "../../lib/cli/configure.ts";
import { openLogs } from "../../lib/cli/logs.ts";
import { Eddy, eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { NOBODY, reachableByOthers } from "../support/other-user.ts";
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

/** Each log in a file of its own; of a request the path alone. */
const LOG_FILES =
  "--access-log access.log --error-log error.log --log-format %U".split(" ");

describe("The status", function () {
  this.timeout(PATIENCE_MS);

  it("tells of supervisor and workers, in JSON, for Prometheus and in a terminal; and halts what runs", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const path = folderWith({ "app.mjs": APP });
    const command = eddy(path, ["app.mjs", "--workers", "2", "--stats", stats]);
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
    ); // they report once a second
    expect(status).to.include({ pid: command.pid, restarts: 0, requests: 2 });
    expect(status.outcomes).to.include({ ok: 1, error: 0 });
    expect(
      status.workers.map(({ pid }: { pid: number }) => pid),
    ).to.have.members(workers);
    expect(status.workers[0]).to.include({ state: "ready" });
    expect(status.workers[0].rss).to.be.greaterThan(1e6);

    const metrics = await (await ask("/metrics")).text();
    expect(metrics).to.match(/^eddy_requests_total\{outcome="ok"\} 1$/m);
    expect(metrics).to.match(/^eddy_workers\{state="ready"\} 2$/m);
    expect(metrics).to.match(
      /^eddy_worker_resident_memory_bytes\{pid="\d+"\} \d{7,}$/m,
    );

    const top = new Eddy(path, ["top", "--stats", stats]);
    expect(await top.ended).to.equal(0);
    expect(top.lines[0]).to.match(
      /^eddy \S+, supervisor \d+, up \d+ s, 2 requests, 0 restarts$/,
    );
    expect(
      top.lines.slice(4).map((line) => Number(/^\d+/.exec(line))),
    ).to.have.members(workers);

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

  it("says which worker does not answer, and what runs in the others can be halted meanwhile", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const path = folderWith({ "app.mjs": APP });
    const command = eddy(path, ["app.mjs", "--workers", "2", "--stats", stats]);
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
    for (const [stats, why] of [
      ["unix:./notes.txt", "the file there is no socket"],
      ["unix:./stats.sock", "another process listens there"],
    ] as const) {
      const command = eddy(path, ["app.mjs", "--stats", stats]);
      expect(await command.ended).to.equal(1);
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
    const top = new Eddy(folderWith({}), ["top", "--stats", stats]);
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
    expect(wrong.stderr).to.match(/at 127.*: what answers there is no eddy\n$/);
    other.close();
    const nameless = new Eddy(path, ["top"]);
    expect(await nameless.ended).to.equal(2);
    expect(nameless.stderr).to.match(/which eddy\? name the address/);
  });
});

describe("With --reload the command", function () {
  this.timeout(PATIENCE_MS);

  for (const [what, app, part] of [
    ["TypeScript", "app.ts", "part.ts"],
    ["JavaScript", "app.mjs", "part.mjs"],
  ] as const)
    it(`runs the ${what} anew when a file that it imported changes, also after an error`, async () => {
      const path = folderWith({
        [app]: `import { text } from "./${part}"; export default () => text;`,
        [part]: "export const text = 'before';",
      });
      const command = eddy(path, [app, "--reload"]);
      expect(await command.text()).to.equal("before");
      await command.logged(/^watching 2 files$/);
      writeFileSync(join(path, part), "export const text = ;");
      await command.logged(/does not load: .*Error: .*/);
      expect(await command.text()).to.equal("before");
      writeFileSync(join(path, part), "export const text = 'after';");
      await command.logged(/^reloaded 1 workers$/);
      await command.logged(/^stopped$/);
      expect(await command.text()).to.equal("after");
    });

  it("reloads once for files that change together", async () => {
    const names = Array.from({ length: 10 }, (_, i) => `part${i}.mjs`);
    const path = folderWith({
      "app.mjs": `${names.map((name, i) => `import p${i} from "./${name}";`).join("")} export default () => p0;`,
      ...Object.fromEntries(
        names.map((name) => [name, "export default 'before';"]),
      ),
    });
    const command = eddy(path, ["app.mjs", "--reload"]);
    await command.logged(/^watching 11 files$/);
    for (const name of names)
      writeFileSync(join(path, name), "export default 'after';");
    await command.logged(/ has changed$/, names.length);
    command.kill("SIGTTIN"); // has its turn after the reloads there are so far
    await command.logged(/^SIGTTIN received$/);
    const reloads = command.log.filter(({ msg }) => msg === "SIGHUP received");
    expect(reloads.length).to.be.below(names.length - 1); // one, but on a machine that is busy
  });

  it("waits for a change when the application does not load at the start", async () => {
    const path = folderWith({ "app.mjs": "throw new Error('not yet');" });
    const command = eddy(path, ["app.mjs", "--reload"]);
    await command.logged(/not yet/);
    await command.logged(/^watching 1 files$/);
    writeFileSync(join(path, "app.mjs"), "export default () => 'now';");
    await command.logged(/^listening on/);
  });
});

const soon = async (): Promise<undefined> =>
  await new Promise((resolve) => setTimeout(resolve, 20));

const textOf = (file: string): string =>
  existsSync(file) ? readFileSync(file, "utf8") : "";

/** What a file of the command's has, once it has that. A file tells nobody that it is written. */
async function written(
  command: Eddy,
  file: string,
  what: RegExp,
): Promise<RegExpExecArray> {
  for (;;) {
    const found = what.exec(textOf(file));
    if (found !== null) return found;
    const over = await Promise.race([command.ended, soon()]);
    if (over !== undefined) throw new Error(`${over}: ${command.stderr}`);
  }
}

describe("The logs of the command", function () {
  this.timeout(PATIENCE_MS);

  async function accessLine(format: string): Promise<string> {
    const path = folderWith({ "app.mjs": "export default () => 'hello';" });
    const command = eddy(path, [
      "app.mjs",
      "--access-log",
      "access.log",
      "--log-format",
      format,
    ]);
    const url = await command.until(
      "an address",
      () => /on (http:\S+); 1 worker/.exec(command.lines.join("\n"))?.[1],
    );
    await fetch(`${url}/a"b?c=d`, {
      headers: { cookie: "secret", "user-agent": "me", referer: "there" },
    });
    command.kill("SIGTERM");
    await command.ended;
    return readFileSync(join(path, "access.log"), "utf8");
  }

  for (const [format, expected] of [
    [
      "combined",
      /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a%22b\?c=d HTTP\/1\.1" 200 5 "there" "me"\n$/,
    ],
    [
      "%h %m %U%q %>s %B %{cookie}i %{x-none}i %% %O",
      /^127\.0\.0\.1 GET \/a%22b\?c=d 200 5 \[redacted\] - % ok\n$/,
    ],
    [
      '%(h)s "%(r)s" %(s)s %(b)s %(f)s %(a)s %({authorization}i)s',
      /^127\.0\.0\.1 "GET \/a%22b\?c=d HTTP\/1\.1" 200 5 there me \[redacted\]\n$/,
    ],
    [
      "%D %T %M %L %P %(L)s %(M)s %(p)s",
      /^\d+ 0 [\d.]+ \w+-1 \d+ 0\.\d{6} \d+ <\d+>\n$/,
    ],
    ["pretty", /^GET \/a%22b\?c=d 200 5 [\d.]+ms 127\.0\.0\.1 \w+-1\n$/],
  ] as const)
    it(`write access lines as ${format}`, async () => {
      expect(await accessLine(format)).to.match(expected);
    });

  it("write access lines as JSON, with the fields of the loop's own", async () => {
    const line = JSON.parse(await accessLine("json"));
    expect(line).to.include({
      level: 30,
      method: "GET",
      path: "/a%22b",
      status: 200,
      bytes: 5,
      outcome: "ok",
      remoteAddress: "127.0.0.1",
      msg: "request",
    });
    expect(line).to.include.keys(
      "time",
      "pid",
      "hostname",
      "durationMs",
      "requestId",
    );
  });

  it("have a request's id in each of its lines, which the reply says, too, if told so", async () => {
    const command = eddy(folderWith({ "app.mjs": APP }), [
      "app.mjs",
      "--access-log",
      "-",
      "--request-id",
      "echo",
    ]);
    const response = await fetch(await command.url(), {
      headers: { "x-request-id": "from-the-proxy" },
    });
    expect(response.headers.get("x-request-id")).to.equal("from-the-proxy");
    for (const message of [/^in the app$/, /^request$/])
      expect(await command.logged(message)).to.include({
        requestId: "from-the-proxy",
      });
  });

  it("never have authorization and cookie", async () => {
    const command = eddy(folderWith({ "app.mjs": APP }), ["app.mjs"]);
    await command.text();
    const { headers } = await command.logged(/^in the app$/);
    expect(headers).to.deep.equal({
      authorization: "[redacted]",
      cookie: "[redacted]",
      accept: "*",
    });
  });

  it("have only what the level lets through", async () => {
    const command = eddy(
      folderWith({
        "app.mjs": "console.error('up'); export default () => '';",
      }),
      ["app.mjs", "--log-level", "error"],
    );
    await command.complains(/up/);
    command.kill("SIGTERM");
    await command.ended;
    expect(command.lines).to.deep.equal([]);
  });

  it("are for people if told so", async () => {
    const command = eddy(folderWith({ "app.mjs": APP }), [
      "app.mjs",
      "--log-format",
      "pretty",
    ]);
    await command.until("a banner", () =>
      command.lines.find((line) =>
        /INFO.*: app\.mjs on http:.*reloads/.test(line),
      ),
    );
  });

  it("have the last requests of a worker that crashes", async () => {
    const path = folderWith({
      "app.mjs":
        "export default () => { setImmediate(() => { throw new Error('boom'); }); return ''; };",
    });
    const command = eddy(path, [
      "app.mjs",
      "--access-log",
      "access.log",
      "--log-format",
      "%U",
    ]);
    await command.text("/last").catch(() => "cut");
    await command.logged(/has ended: Error: boom/);
    expect(readFileSync(join(path, "access.log"), "utf8")).to.equal("/last\n");
  });

  it("are files of the user that the workers run as, also after USR1", async function () {
    const reachable = reachableByOthers(this);
    const path = reachable.folderWith({
      "app.mjs": "export default () => '';",
    });
    const args = ["app.mjs", "--user", "nobody", ...LOG_FILES];
    const command = reachable.eddy(path, args); // the files are opened by root
    const [errors, access] = [
      join(path, "error.log"),
      join(path, "access.log"),
    ];
    const [, url] = await written(command, errors, /on (http:\S+);.*reloads/);
    await fetch(`${url}/before`);
    await written(command, access, /\/before/);
    for (const name of ["access.log", "error.log"])
      renameSync(join(path, name), join(path, `${name}.1`));
    command.kill("SIGUSR1");
    await written(command, errors, /reopened/);
    await fetch(`${url}/after`);
    await written(command, access, /\/after/);
    for (const name of ["access.log", "error.log"])
      expect(statSync(join(path, name)).uid).to.equal(NOBODY);
  });

  it("leave alone what is no file of their own", async function () {
    if (process.getuid?.() !== 0) return this.skip();
    const path = folderWith({ "app.mjs": "", other: "" });
    symlinkSync("other", join(path, "link.log"));
    const { settings } = await configure(
      { accessLog: join(path, "link.log") },
      { env: {}, folders: [] },
    );
    openLogs(settings, { uid: NOBODY, gid: NOBODY }).reopen();
    expect(statSync(join(path, "other")).uid).to.equal(0);
  });

  it("may be on a full disk, or in a folder that is gone at USR1: the workers go on, and say so", async function () {
    if (!existsSync("/dev/full")) return this.skip();
    const path = folderWith({
      "app.mjs": "export default () => String(process.pid);",
      "logs/keep": "",
    });
    const args = ["--access-log", "/dev/full", "--error-log", "logs/error.log"];
    const command = eddy(path, ["app.mjs", "--http", ":0", ...args]);
    const [, url] = await written(
      command,
      join(path, "logs/error.log"),
      /on (http:\S+);.*reloads"/,
    );
    const before = await (await fetch(url!)).text();
    await command.complains(/cannot write the log \/dev\/full: ENOSPC/);
    renameSync(join(path, "logs"), join(path, "old"));
    command.kill("SIGUSR1");
    await command.complains(/cannot open the log logs\/error\.log anew/);
    command.kill("SIGHUP"); // a new worker has no log at all
    await written(
      command,
      join(path, "old/error.log"),
      /the workers there are go on/,
    );
    expect(await (await fetch(url!)).text()).to.equal(before);
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
  });

  it("go to other files after USR1, and nothing is lost at the end", async () => {
    const path = folderWith({ "app.mjs": "export default () => '';" });
    const command = eddy(path, ["app.mjs", "--workers", "2", ...LOG_FILES]);
    const file = (name: string): string => textOf(join(path, name));
    const errors = join(path, "error.log");
    const [line] = await written(command, errors, /^.*reloads"}$/m);
    const { address } = JSON.parse(line) as {
      address: { url: string };
    };
    for (let i = 0; i < 5; i++) await fetch(`${address.url}/before${i}`);
    renameSync(join(path, "access.log"), join(path, "access.log.1"));
    renameSync(join(path, "error.log"), join(path, "error.log.1"));
    command.kill("SIGUSR1");
    await written(command, errors, /reopened/);
    for (let i = 0; i < 5; i++) await fetch(`${address.url}/after${i}`);
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
    const sorted = (text: string): string[] => text.trim().split("\n").sort();
    const all = [
      ...sorted(file("access.log.1")),
      ...sorted(file("access.log")),
    ];
    expect(all).to.have.members(
      ["before", "after"].flatMap((when) =>
        [0, 1, 2, 3, 4].map((i) => `/${when}${i}`),
      ),
    );
    expect(file("access.log")).to.include("/after4");
  });
});
