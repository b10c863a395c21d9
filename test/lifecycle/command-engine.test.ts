/** The command and its engines. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "chai";
import { NODE_CAN_SHARE } from "../../lib/engine/target.ts";
import { eddy, eddyThatCrashes, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { outputOf } from "../support/programs.ts";
import { RawClient } from "../support/raw-client.ts";

const run = promisify(execFile);

const APP = { "app.mjs": "export default () => String(process.pid);" };

/** A machine for which uWebSockets.js is not made. */
const WITHOUT_UWS = {
  ...APP,
  "without.cjs": `
    const Module = require("node:module");
    const load = Module._load;
    Module._load = function (name, ...rest) {
      if (name === "uWebSockets.js") throw new Error("it is not there");
      return load.call(this, name, ...rest);
    };`,
};
const HIDDEN = { NODE_OPTIONS: "--require ./without.cjs" };

/** What the one that serves says to a client of HTTP/1.0. */
async function askOld(url: string): Promise<string> {
  const client = await RawClient.connect(Number(new URL(url).port));
  return await client.send("GET / HTTP/1.0\r\n\r\n").untilClosed();
}

describe("The command's --engine", function () {
  this.timeout(PATIENCE_MS);

  it("node serves HTTP/1.0, and reloads", async () => {
    const args = ["app.mjs", "--engine", "node", "--linger", "0"];
    const command = await eddyThatCrashes(folderWith(APP), args);
    const url = await command.url();
    const before = await askOld(url);
    expect(before).to.match(/^HTTP\/1.1 200 [^]*\r\n\r\n\d+$/);
    command.kill("SIGHUP");
    await command.logged(/^reloaded 1 workers$/);
    const after = await askOld(url);
    expect(after).to.match(/^HTTP\/1.1 200 [^]*\r\n\r\n\d+$/);
    expect(after.split("\r\n\r\n")[1]).not.to.equal(
      before.split("\r\n\r\n")[1],
    );
  });

  it("node has one worker where Node cannot share a port", async () => {
    const args = ["app.mjs", "--engine", "node", "--workers", "2"];
    const command = eddy(folderWith(APP), args);
    if (NODE_CAN_SHARE) {
      expect(await command.workers()).to.have.lengthOf(2);
      return;
    }
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.match(
      /2 workers cannot share a port by --engine node, or with --http2, before Node.js 22.12: give --workers 1/,
    );
  });

  const hasHttp2 = outputOf("curl", "--version")?.includes(" HTTP2 ");
  (hasHttp2 ? it : it.skip)(
    "is node with --http2, as curl sees it",
    async () => {
      const args = ["app.mjs", "--http2"];
      const command = await eddyThatCrashes(folderWith(APP), args);
      const url = await command.url();
      const curl = async (...flags: string[]): Promise<string> => {
        const format = ["--silent", "--output", "/dev/null"];
        const shown = ["--write-out", "%{http_version} %{response_code}"];
        return (await run("curl", [...format, ...shown, ...flags, url])).stdout;
      };
      expect(await curl("--http2-prior-knowledge")).to.equal("2 200");
      expect(await curl("--http1.1")).to.equal("1.1 200");
      expect(await curl("--http1.0")).to.equal("1.1 200");
    },
  );

  it("auto serves where uWebSockets.js does not load, says why, and reloads", async () => {
    const command = eddy(folderWith(WITHOUT_UWS), ["app.mjs"], HIDDEN);
    const { msg } = await command.logged(/^Node's own HTTP is the engine/);
    expect(msg).to.match(/: it is not there$/);
    expect(await askOld(await command.url())).to.match(/^HTTP\/1.1 200 /);
    command.kill("SIGHUP");
    await command.logged(/^reloaded 1 workers$/);
    expect(await askOld(await command.url())).to.match(/^HTTP\/1.1 200 /);
  });

  it("uws says why it does not load, and starts no worker again for that", async () => {
    const args = ["app.mjs", "--engine", "uws"];
    const command = eddy(folderWith(WITHOUT_UWS), args, HIDDEN);
    expect(await command.ended).to.not.equal(0);
    expect(command.stderr).to.match(
      /uWebSockets.js does not load here.[^]*--engine node[^]*it is not there/,
    );
    expect(command.log.filter(({ msg }) => /starts/.test(msg))).to.deep.equal(
      [],
    );
  });
});
