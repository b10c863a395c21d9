/** The command and its engines. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { join } from "node:path";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect } from "chai";
import {
  eddy,
  eddyThatCrashes,
  PATIENCE_MS,
  type Eddy,
} from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { afterTest } from "../support/hooks.ts";
import { HAS_UWS } from "../support/native.ts";
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
const HIDDEN = {
  NODE_OPTIONS: "--require ./without.cjs",
  EDDY_ENGINE: undefined, // as a user has it, on every Node.js
};

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
    await command.logged(/^reloaded 1 worker$/);
    await command.logged(/^stopped$/); // until then the one before may be the first at the socket that they share
    const after = await askOld(url);
    expect(after).to.match(/^HTTP\/1.1 200 [^]*\r\n\r\n\d+$/);
    expect(after.split("\r\n\r\n")[1]).not.to.equal(
      before.split("\r\n\r\n")[1],
    );
  });

  for (const http of ["127.0.0.1:0", "unix:./eddy.sock"])
    it(`node has several workers at ${http}, which share its socket`, async () => {
      const args = ["app.mjs", "--engine", "node", "--workers", "2"];
      const command = eddy(folderWith(APP), [...args, "--http", http]);
      expect(await command.workers()).to.have.lengthOf(2);
    });

  for (const [what, http] of [
    ["a port", "127.0.0.1:0"],
    ["a Unix socket", "unix:./eddy.sock"],
  ] as const)
    it(`node lets clients of ${what} wait while its only worker has crashed`, async () => {
      const folder = folderWith({
        "app.mjs": `export default ({ path }) => path === "/crash" ? process.exit(1) : "served";`,
      });
      const args = ["app.mjs", "--engine", "node", "--http", http];
      const command = eddy(folder, args);
      const url = await command.url();
      const at = url.startsWith("unix:")
        ? join(folder, "eddy.sock")
        : Number(new URL(url).port);
      for (let i = 0; i < 3; i++) {
        const client = await RawClient.connect(at);
        await client.send("GET /crash HTTP/1.0\r\n\r\n").untilClosed();
        const next = await RawClient.connect(at);
        next.send("GET / HTTP/1.0\r\n\r\n");
        expect(await next.untilClosed()).to.match(/served$/);
      }
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

  for (const args of [
    [],
    ["--engine", "auto"],
    ["--engine", "auto", "--http", "127.0.0.1:0,127.0.0.1:0=auto"],
    ["--engine", "node", "--http", "127.0.0.1:0=auto"],
  ])
    it(`auto (${args.join(" ")}) serves where uWebSockets.js does not load, says why, once, and reloads`, async () => {
      const all = ["app.mjs", "--workers", "2", ...args];
      const command = eddy(folderWith(WITHOUT_UWS), all, HIDDEN);
      const said = /^Node's own HTTP is the engine/;
      expect((await command.logged(said)).msg).to.match(/: it is not there$/);
      expect(await askOld(await command.url())).to.match(/^HTTP\/1.1 200 /);
      command.kill("SIGHUP");
      await command.logged(/^reloaded 2 workers$/);
      expect(await askOld(await command.url())).to.match(/^HTTP\/1.1 200 /);
      expect(command.log.filter(({ msg }) => said.test(msg))).to.have.length(1);
    });

  it("auto serves where loading uWebSockets.js ends the process", async () => {
    const files = {
      ...APP,
      "ends.cjs": `
        const Module = require("node:module");
        const load = Module._load;
        Module._load = function (name, ...rest) {
          if (name === "uWebSockets.js") process.kill(process.pid, "SIGSEGV");
          return load.call(this, name, ...rest);
        };`,
    };
    const env = { ...HIDDEN, NODE_OPTIONS: "--require ./ends.cjs" };
    const command = eddy(folderWith(files), ["app.mjs"], env);
    const { msg } = await command.logged(/^Node's own HTTP is the engine/);
    expect(msg).to.match(/: a process that loads it is ended by SIGSEGV$/);
    expect(await askOld(await command.url())).to.match(/^HTTP\/1.1 200 /);
  });

  it("uws says why it does not load, and starts no worker again for that", async () => {
    const args = ["app.mjs", "--engine", "uws"];
    const command = eddy(folderWith(WITHOUT_UWS), args, HIDDEN);
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.match(
      /uWebSockets.js does not load here.[^]*--engine node[^]*it is not there/,
    );
    expect(command.log.filter(({ level }) => level >= 50)).to.deep.equal([]); // each further start would be told before
  });
});

/** Where it serves, each of them. */
async function urls(command: Eddy, nth = 1): Promise<string[]> {
  const { msg } = await command.logged(/reloads$/, nth);
  return msg.match(/(http:|unix:)[^ ;]+/g)!;
}

describe("The command's --http", function () {
  this.timeout(PATIENCE_MS);

  (HAS_UWS ? it : it.skip)(
    "takes several addresses, each with its engine, and reloads",
    async () => {
      const entries = ["127.0.0.1:0", "127.0.0.1:0=uws", "unix:./a.sock=node"];
      const http = ["--http", entries.join(","), "--http", "localhost:0=node"];
      const args = ["app.mjs", "--engine", "node", "--workers", "2", ...http];
      const folder = folderWith(APP);
      const command = eddy(folder, [...args, "--linger", "0"]);
      const [first, second, third, fourth] = await urls(command);
      const serve = async (workers: number[]): Promise<void> => {
        for (const url of [first!, fourth!])
          expect(await askOld(url)).to.match(/^HTTP\/1.1 200 /);
        expect(await askOld(second!)).to.match(/^HTTP\/1.1 505 /);
        const client = await RawClient.connect(join(folder, "a.sock"));
        client.send("GET / HTTP/1.0\r\n\r\n");
        expect(await client.untilClosed()).to.match(/^HTTP\/1.1 200 /);
        const pid = Number(await (await fetch(second!)).text());
        expect(workers).to.include(pid);
      };
      expect(third).to.match(/^unix:.*a\.sock$/);
      const before = await command.workers();
      await serve(before);
      command.kill("SIGHUP");
      await command.logged(/^reloaded 2 workers$/);
      const answer = await askOld(first!);
      expect(before).not.to.include(Number(answer.split("\r\n\r\n")[1]));
    },
  );

  for (const engine of HAS_UWS ? ["node", "uws"] : ["node"])
    it(`names the one of several that is taken, for ${engine}`, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      afterTest(() => void server.close());
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const http = `127.0.0.1:0=node,127.0.0.1:${port}=${engine}`;
      const command = eddy(folderWith(APP), ["app.mjs", "--http", http]);
      expect(await command.ended).to.equal(1);
      expect(command.stderr).to.match(
        new RegExp(
          `^eddy: http: cannot listen on 127.0.0.1:${port}: another process`,
        ),
      );
    });

  it("names the one of several that another eddy has, and those that are in each other's way", async () => {
    const path = folderWith(APP);
    const first = await eddyThatCrashes(path, ["app.mjs"]);
    const { host } = new URL(await first.url());
    for (const [http, code, message] of [
      [
        `127.0.0.1:0,${host}`,
        1,
        `^eddy: http: cannot listen on ${host}: another eddy`,
      ],
      [
        `:81,127.0.0.1:81`,
        2,
        "^eddy: http: :81 and 127.0.0.1:81 are in each other",
      ],
    ] as const) {
      const command = eddy(path, ["app.mjs", "--http", http]);
      expect(await command.ended).to.equal(code);
      expect(command.stderr).to.match(new RegExp(message));
    }
  });

  (HAS_UWS ? it : it.skip)(
    "says which of several Unix sockets workers cannot share",
    async () => {
      const args = ["app.mjs", "--workers", "2"];
      const http = ["--http", "unix:./a.sock=node,unix:./b.sock"];
      const command = eddy(folderWith(APP), [...args, ...http]);
      expect(await command.ended).to.equal(2);
      expect(command.stderr).to.match(
        /cannot share the Unix socket of --http \.\/b\.sock by uWebSockets\.js: give --engine node/,
      );
    },
  );
});
