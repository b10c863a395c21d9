/** The logs of the command: on its output, in files, and access lines in their formats. */
import {
  existsSync,
  lchownSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { configure } from "../../lib/cli/configure.ts";
import { openLogs } from "../../lib/cli/logs.ts";
import {
  Eddy,
  eddy,
  eddyThatCrashes,
  PATIENCE_MS,
} from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { NOBODY, reachableByOthers } from "../support/other-user.ts";

const APP = `
  export default (request) => {
    request.log.info({ headers: { authorization: "Basic x", cookie: "a=b", accept: "*" } }, "in the app");
    return "hello";
  };`;

/** Each log in a file of its own; of a request the path alone. */
const LOG_FILES =
  "--access-log access.log --error-log error.log --log-format %U".split(" ");

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

  it("keep nobody waiting while their reader is stuck, and then say what is missing", async () => {
    const path = folderWith({ "app.mjs": "export default () => 'hello';" });
    const command = eddy(path, ["app.mjs", "--access-log", "-"]);
    const url = await command.url();
    command.output.pause();
    const long = `${url}/${"x".repeat(4000)}`;
    for (let i = 0; i < 600; i++)
      expect(await (await fetch(long)).text()).to.equal("hello");
    command.output.resume();
    const missing = await command.logged(/(\d+) lines are missing/);
    const kept = command.log.filter(({ msg }) => msg === "request").length;
    expect(Number.parseInt(missing.msg, 10) + kept).to.equal(600);
    expect(command.stderr).to.match(
      /nobody reads what is there; lines are lost/,
    );
  });

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
      () =>
        /on (http:\S+)(?: \(.*\))?; 1 worker/.exec(
          command.lines.join("\n"),
        )?.[1],
    );
    await fetch(`${url}/a"b?c=d`, {
      headers: { cookie: "secret", "user-agent": "me", referer: "there" },
    });
    command.kill("SIGTERM");
    await command.ended;
    return readFileSync(join(path, "access.log"), "utf8");
  }

  it("write access lines in a format", async () => {
    expect(await accessLine("%h %m %U%q %>s %B %O")).to.equal(
      "127.0.0.1 GET /a%22b?c=d 200 5 ok\n",
    );
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
        "export default () => { setTimeout(() => { throw new Error('boom'); }, 1); return ''; };",
    });
    const command = await eddyThatCrashes(path, [
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
    const [, url] = await written(
      command,
      errors,
      /on (http:\S+)(?: \(.*\))?;.*reloads/,
    );
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

  it("are not where another user's link leads, from the start or from USR1 on", async function () {
    if (process.getuid?.() !== 0) return this.skip();
    const path = folderWith({ "app.mjs": "", precious: "" });
    const file = join(path, "error.log");
    const { settings } = await configure(
      { errorLog: file },
      { env: {}, folders: [] },
    );
    const { log, reopen } = openLogs(settings);
    renameSync(file, join(path, "error.log.1"));
    symlinkSync("precious", file);
    lchownSync(file, NOBODY, NOBODY);
    expect(reopen()).to.equal(false);
    log.info("kept");
    expect(textOf(join(path, "error.log.1"))).to.include("kept");
    expect(() => openLogs(settings)).to.throw(
      /^cannot write the log .*: it is a link that another user has made$/,
    );
    expect(textOf(join(path, "precious"))).to.equal("");
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
      /on (http:\S+)(?: \(.*\))?;.*reloads"/,
    );
    const before = await (await fetch(url!)).text();
    await command.complains(/the log \/dev\/full cannot be written: ENOSPC/);
    renameSync(join(path, "logs"), join(path, "old"));
    command.kill("SIGUSR1");
    await command.complains(/the log logs\/error\.log cannot be opened anew/);
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
