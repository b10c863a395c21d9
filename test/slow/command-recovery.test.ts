/** What the supervisor makes of workers that do not load, or take long to: real processes, and files that let them. */
import {
  chmodSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "chai";
import { itOnUws } from "../support/native.ts";
import {
  eddy,
  eddyThatCrashes,
  Eddy,
  PATIENCE_MS,
  shorter,
} from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";

/**
 * Loads while there is no file `down`, and no longer than there is a file `hold`; answers with what its file was when
 * it began.
 */
const APP = `
  import { existsSync, readFileSync } from "node:fs";
  const version = readFileSync("version", "utf8");
  if (existsSync("down")) throw new Error("no database");
  console.error("loads " + version);
  while (existsSync("hold")) await new Promise((resolve) => setTimeout(resolve, 20));
  export default () => version;`;

class Folder {
  readonly path = folderWith({ "app.mjs": APP, version: "old" });

  write(name: string, content = ""): void {
    writeFileSync(join(this.path, name), content);
  }

  remove(name: string): void {
    rmSync(join(this.path, name));
  }
}

/** How many have begun to load. */
const loading = async (command: Eddy, times: number): Promise<void> =>
  await command.complains(new RegExp(`(loads \\w+\\n[^]*){${times}}`));

interface Worker {
  pid: number;
  state: string;
}

/** Asks until there are so many workers, and all of them serve. */
async function settled(stats: string, workers: number): Promise<void> {
  for (;;) {
    const status = (await (await fetch(`http://${stats}/`)).json()) as {
      workers: Worker[];
    };
    if (
      status.workers.length === workers &&
      status.workers.every(({ state }) => state === "ready")
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 20)); // nobody tells
  }
}

describe("A worker that does not load", function () {
  this.timeout(PATIENCE_MS);

  it("after a crash is started again until it does", async () => {
    const folder = new Folder();
    const quick = shorter({ firstRestartMs: 10 });
    const command = await eddyThatCrashes(folder.path, ["app.mjs"], quick);
    const [worker] = await command.workers();
    folder.write("down");
    process.kill(worker!, "SIGKILL");
    await command.logged(/has ended: .* does not load: Error: no database/, 5);
    folder.remove("down");
    await command.logged(/^listening on/, 2);
    expect(await command.text()).to.equal("old");
  });

  it("in a renewal leaves the old one there, which is renewed later", async () => {
    const folder = new Folder();
    const command = eddy(
      folder.path,
      ["app.mjs", "--max-requests", "2"],
      shorter({ reportMs: 100, renewalRetryMs: 100 }),
    );
    await command.url();
    folder.write("down");
    for (let i = 0; i < 3; i++) await command.text();
    await command.logged(/has ended: .* does not load: Error: no database/);
    expect(await command.text()).to.equal("old");
    folder.write("version", "new");
    folder.remove("down");
    await command.logged(/is replaced: it has had \d requests/, 2);
    await command.logged(/^stopped$/);
    expect(await command.text()).to.equal("new");
  });

  itOnUws(
    "in a reload on a Unix socket, where the old one has to go first, is started again until it does",
    async () => {
      const folder = new Folder();
      const command = new Eddy(folder.path, [
        "app.mjs",
        "--http",
        "unix:./eddy.sock",
      ]);
      await command.logged(/reloads$/);
      folder.write("down");
      command.kill("SIGHUP");
      await command.logged(/^the reload ends here; none serves$/);
      folder.write("version", "new");
      folder.remove("down");
      await command.logged(/^listening on/, 2);
      const socketPath = join(folder.path, "eddy.sock");
      const [response] = (await once(
        get({ socketPath, path: "/", agent: false }),
        "response",
      )) as [IncomingMessage];
      expect((await response.setEncoding("utf8").toArray()).join("")).to.equal(
        "new",
      );
    },
  );

  it("yet is told of moved log files all the same, in the middle of a reload", async () => {
    const folder = new Folder();
    const log = join(folder.path, "access.log");
    const args = ["app.mjs", "--access-log", "access.log"];
    const command = eddy(folder.path, args);
    await command.url();
    folder.write("hold");
    command.kill("SIGHUP");
    await loading(command, 2);
    renameSync(log, `${log}.1`);
    command.kill("SIGUSR1");
    await command.logged(/^the log files are reopened$/);
    folder.remove("hold");
    await command.logged(/^stopped$/);
    await command.text("/after");
    command.kill("SIGTERM");
    await command.ended;
    expect(readFileSync(log, "utf8")).to.include('"/after"');
  });

  it("in time ends a reload, and the old one goes on", async () => {
    const folder = new Folder();
    const command = eddy(folder.path, ["app.mjs", "--start-timeout", "3s"]);
    await command.url();
    folder.write("hold");
    command.kill("SIGHUP");
    await command.logged(
      /^worker \d+ has ended: the application app\.mjs does not load: its import has not ended within 3s \(startTimeout\)/,
    );
    await command.logged(/^the reload ends here; the workers there are go on$/);
    expect(await command.text()).to.equal("old");
  });

  it("in time ends the command at the start, with code 3", async () => {
    const folder = new Folder();
    folder.write("hold");
    const args = ["app.mjs", "--start-timeout", "2s"];
    const command = eddy(folder.path, args);
    expect(await command.ended).to.equal(3);
    expect(command.stderr).to.match(
      /^eddy: the application app\.mjs does not load: its import has not ended within 2s \(startTimeout\); look for/m,
    );
  });

  it("in time leaves its place to 404, where no application is needed", async () => {
    const folder = new Folder();
    folder.write("hold");
    const args = ["app.mjs", "--start-timeout", "2s", "--no-need-app"];
    const command = eddy(folder.path, args);
    expect((await fetch(await command.url())).status).to.equal(404);
  });

  /** Imports at once, and opens while there is no file `hold`. */
  const OPENING = `
    import { existsSync } from "node:fs";
    import { suspend } from "effection";
    import { Loop } from "eddy";
    const app = {
      handle: () => "opened",
      *open() {
        console.error("loads it");
        if (existsSync("hold")) yield* suspend();
      },
    };
    export const whole = new Loop().mount(app);
    export default app;`;
  const quick = shorter({ headStartMs: 100 });

  it("because of what a whole Loop opens, in time ends a reload, and the old one goes on", async () => {
    const folder = new Folder();
    folder.write("app.mjs", OPENING);
    const args = ["app.mjs:whole", "--start-timeout", "4s"];
    const command = eddy(folder.path, args, quick);
    await command.url();
    folder.write("hold");
    command.kill("SIGHUP");
    await command.logged(
      /^worker \d+ has ended: the application app\.mjs:whole does not load: its open\(\) has not ended within 4s \(startTimeout\)/,
    );
    await command.logged(/^the reload ends here; the workers there are go on/);
    expect(await command.text()).to.equal("opened");
  });

  it("because of its open(), in time ends the command at the start, or leaves its place to 404", async () => {
    const folder = new Folder();
    folder.write("app.mjs", OPENING);
    folder.write("hold");
    const args = ["app.mjs", "--start-timeout", "2s"];
    const command = eddy(folder.path, args, quick);
    expect(await command.ended).to.equal(3);
    expect(command.stderr).to.match(/its open\(\) has not ended within 2s/);
    const other = eddy(folder.path, [...args, "--no-need-app"], quick);
    expect((await fetch(await other.url())).status).to.equal(404);
    await other.logged(/its open\(\) has not ended within 2s/);
  });

  it("has all the time there is, where there is no limit", async () => {
    const folder = new Folder();
    folder.write("hold");
    const command = eddy(folder.path, ["app.mjs", "--start-timeout", "0"]);
    await loading(command, 1);
    folder.remove("hold");
    expect(await command.text()).to.equal("old");
  });

  it("at the start is tried five times, if it ends without a reason", async () => {
    const path = folderWith({ "app.mjs": "process.exit(7);" });
    const command = eddy(path, ["app.mjs"], shorter({ firstRestartMs: 10 }));
    expect(await command.ended).to.equal(1);
    expect(command.stderr).to.match(/eddy: it ended with code 7/);
    expect(
      command.log.filter(({ msg }) => msg.includes("has ended")),
    ).to.have.length(5);
  });
});

describe("A worker that loads", function () {
  this.timeout(PATIENCE_MS);

  it("the old application is replaced in a reload, too", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const folder = new Folder();
    const args = ["app.mjs", "--workers", "2", "--stats", stats];
    const command = eddy(folder.path, args);
    const [first] = await command.workers();
    folder.write("hold");
    process.kill(first!, "SIGKILL");
    await loading(command, 3);
    folder.write("version", "new");
    command.kill("SIGHUP");
    await loading(command, 4);
    folder.remove("hold");
    await command.logged(/^reloaded 2 workers$/);
    await settled(stats, 2);
    for (let i = 0; i < 10; i++) expect(await command.text()).to.equal("new");
  });

  it("for a renewal has its turn before a reload, so that there are not two for one", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const folder = new Folder();
    const args = ["app.mjs", "--max-requests", "2", "--stats", stats];
    const command = eddy(folder.path, args, shorter({ reportMs: 100 }));
    await command.url();
    folder.write("hold");
    for (let i = 0; i < 3; i++) await command.text();
    await loading(command, 2);
    folder.write("version", "new");
    command.kill("SIGHUP");
    await command.logged(/^SIGHUP received$/);
    folder.remove("hold");
    await command.logged(/^reloaded 1 worker$/);
    await settled(stats, 1);
    expect(await command.text()).to.equal("new");
  });

  it("ends at once when the command is told to end", async () => {
    const folder = new Folder();
    folder.write("hold");
    const command = eddy(folder.path, ["app.mjs", "--drain-timeout", "none"]);
    await loading(command, 1);
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
  });
});

describe("An address", function () {
  this.timeout(PATIENCE_MS);

  const TAKEN =
    /^eddy: http: cannot listen on .*: another (process listens there|eddy has this address)/m;

  it("is had by one of two eddys that start at the same moment", async () => {
    const path = new Folder().path;
    const args = ["app.mjs", "--http", `127.0.0.1:${await freePort()}`];
    const both = [new Eddy(path, args), new Eddy(path, args)] as const;
    const [one, other] = await Promise.race([
      both[0].ended.then(() => both),
      both[1].ended.then(() => both.toReversed() as [Eddy, Eddy]),
    ]);
    expect(await one.ended).to.equal(1);
    expect(one.stderr).to.match(TAKEN);
    expect(await other.text()).to.equal("old");
  });

  it("stays with its eddy while no worker serves, also for one that would listen on all addresses", async () => {
    const folder = new Folder();
    const port = await freePort();
    const command = new Eddy(folder.path, [
      "app.mjs",
      "--http",
      `127.0.0.1:${port}`,
    ]);
    const [worker] = await command.workers();
    folder.write("hold");
    process.kill(worker!, "SIGKILL");
    await loading(command, 2); // nobody listens
    for (const http of [`127.0.0.1:${port}`, `:${port}`]) {
      const late = new Eddy(folder.path, ["app.mjs", "--http", http]);
      expect(await late.ended).to.equal(1);
      expect(late.stderr).to.match(/another eddy has this address/);
    }
    folder.remove("hold");
    await command.logged(/^listening on/, 2);
    expect(await command.text()).to.equal("old");
  });

  it("stays with its eddy in a reload on a Unix socket, too", async () => {
    const folder = new Folder();
    const args = ["app.mjs", "--http", "unix:./eddy.sock"];
    const command = new Eddy(folder.path, args);
    await command.logged(/reloads$/);
    folder.write("hold");
    command.kill("SIGHUP");
    await loading(command, 2);
    const late = new Eddy(folder.path, args);
    expect(await late.ended).to.equal(1);
    expect(late.stderr).to.match(TAKEN);
    folder.remove("hold");
    await command.logged(/^reloaded 1 worker$/);
  });

  it("is free again as soon as its eddy has ended, even if it was killed", async () => {
    const folder = new Folder();
    const args = ["app.mjs", "--http", `127.0.0.1:${await freePort()}`];
    const command = new Eddy(folder.path, args);
    await command.url();
    command.kill("SIGKILL");
    await command.ended; // and its workers
    expect(await new Eddy(folder.path, args).text()).to.equal("old");
  });
});

describe("That it serves", function () {
  this.timeout(PATIENCE_MS);

  it("is told, to systemd, too, when a worker does, and no sooner", async () => {
    const folder = new Folder();
    const { path } = folder;
    folder.write("systemd-notify", `#!/bin/sh\necho "$@" >> ${path}/notified`);
    chmodSync(join(path, "systemd-notify"), 0o755);
    folder.write("down");
    const command = eddy(path, ["app.mjs", "--reload"], {
      NOTIFY_SOCKET: "anywhere",
      PATH: `${path}:${process.env.PATH}`,
    });
    await command.logged(/no database/);
    command.kill("SIGUSR1");
    await command.logged(/reopened/); // one thing after the other: the start is over
    expect(existsSync(join(path, "notified"))).to.equal(false);
    folder.remove("down");
    command.kill("SIGHUP");
    await command.logged(/^1 of 1 missing workers started$/);
    expect(await command.workers()).to.have.length(1);
    expect(command.log.some(({ msg }) => msg.startsWith("reloaded"))).to.equal(
      false,
    );
    const notified = (): string => readFileSync(join(path, "notified"), "utf8");
    while (!/RELOADING=1[^]*READY=1/.test(notified()))
      await new Promise((resolve) => setTimeout(resolve, 20)); // a file tells nobody
  });
});
