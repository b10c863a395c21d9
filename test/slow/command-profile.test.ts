/** `eddy profile`: what a worker does, and what it has in memory. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { expect } from "chai";
import { Eddy, eddy, PATIENCE_MS, shorter } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";

/**
 * Its snapshot takes longer than a worker may be stuck: as that of a heap of some gigabytes does. What burns the CPU is
 * a generator without a loop: of a function that V8 has put into what calls it, or compiled in the middle of a loop,
 * before the profile begins, a profile does not know.
 */
const APP = `
  import { syncBuiltinESMExports } from "node:module";
  import v8 from "node:v8";
  const { writeHeapSnapshot } = v8;
  v8.writeHeapSnapshot = (file) => { burn(5000); return writeHeapSnapshot(file); };
  syncBuiltinESMExports();
  function* burnsTheCpu() { JSON.stringify(process.versions); }
  const burn = (ms) => { for (const end = performance.now() + ms; performance.now() < end; ) burnsTheCpu().next(); };
  setInterval(burn, 30, 20);
  export default () => String(process.pid);`;

const SHORT = shorter({
  reportMs: 100,
  headStartMs: 100,
  watchdogAnswerMs: 100,
});

describe("eddy profile", function () {
  this.timeout(PATIENCE_MS);

  async function started(...args: string[]) {
    const stats = `127.0.0.1:${await freePort()}`;
    const path = folderWith({ "app.mjs": APP });
    const temporary = folderWith({});
    const command = eddy(path, ["app.mjs", "--stats", stats, ...args], {
      ...SHORT,
      TMPDIR: temporary,
    });
    const [worker] = await command.workers();
    await command.url();
    const profile = async (...words: string[]) => {
      const asked = new Eddy(path, ["profile", ...words, "--stats", stats]);
      return {
        code: await asked.ended,
        file: asked.lines[0]!,
        stderr: asked.stderr,
      };
    };
    return { stats, temporary, command, worker: worker!, profile };
  }

  const modeOf = (path: string): string =>
    (statSync(path).mode & 0o777).toString(8);

  it("takes a CPU profile of a worker while it serves, in a file for its user alone", async () => {
    const { temporary, worker, profile, command } = await started();
    const { code, file } = await profile(String(worker), "1s");
    expect(code).to.equal(0);
    expect(dirname(dirname(file))).to.equal(temporary);
    expect(file).to.match(/\.cpuprofile$/);
    expect([modeOf(file), modeOf(dirname(file))]).to.deep.equal(["600", "700"]);
    const { nodes } = JSON.parse(readFileSync(file, "utf8")) as {
      nodes: { callFrame: { functionName: string } }[];
    };
    const names = nodes.map(({ callFrame }) => callFrame.functionName);
    expect(names, names.join()).to.include("burnsTheCpu");
    expect(await command.text()).to.equal(String(worker));
  });

  it("takes a heap snapshot, and nobody takes the worker for stuck meanwhile", async () => {
    const { worker, profile, command } = await started(
      "--worker-timeout",
      "2s",
    );
    const { code, file } = await profile(String(worker), "heap");
    expect(code).to.equal(0);
    expect([modeOf(file), modeOf(dirname(file))]).to.deep.equal(["600", "700"]);
    const { snapshot } = JSON.parse(readFileSync(file, "utf8")) as {
      snapshot: { node_count: number };
    };
    expect(snapshot.node_count).to.be.above(1000);
    expect(await command.text()).to.equal(String(worker));
    const said = command.log.filter(({ level }) => level >= 40);
    expect(said.map(({ msg }) => msg)).to.deep.equal([]);
  });

  it("is waited for by a reload, and one at a time", async () => {
    const { stats, worker, command } = await started();
    const ask = (what: string): Promise<Response> =>
      fetch(`http://${stats}/workers/${worker}/profile/${what}`, {
        method: "POST",
      });
    const first = ask("1s");
    let second = await ask("100ms");
    while (second.status === 200) second = await ask("100ms"); // the first one has not arrived yet
    expect(second.status).to.equal(409);
    process.kill(command.pid, "SIGHUP");
    const { file } = (await (await first).json()) as { file: string };
    expect(file).to.include(`worker-${worker}`);
    await command.logged(/reloaded 1 worker/);
  });

  it("is an order: of no worker that is not there, for no page of another site, and not where metrics are alone", async () => {
    const metrics = `127.0.0.1:${await freePort()}`;
    const { stats, worker, profile } = await started("--metrics", metrics);
    const post = async (at: string, headers = {}): Promise<number> =>
      (
        await fetch(`http://${at}/workers/${worker}/profile/100ms`, {
          method: "POST",
          headers,
        })
      ).status;
    expect(await post(metrics)).to.equal(404);
    expect(await post(stats, { origin: "http://elsewhere.example" })).to.equal(
      403,
    );
    const read = await fetch(`http://${stats}/workers/${worker}/profile/100ms`);
    expect(read.status).to.equal(405);

    const none = await profile("1");
    expect([none.code, none.stderr]).to.deep.equal([
      1,
      `eddy: no worker 1 serves; there is ${worker}\n`,
    ]);
    const long = await profile(String(worker), "1h");
    expect(long.code).to.equal(2);
    expect(long.stderr).to.include("a duration up to 1m");
  });
});
