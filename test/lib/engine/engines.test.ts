/** Which engine speaks at an address, and that none is loaded before somebody listens. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "chai";
import { UsageError, type EngineChoice } from "../../../lib/index.ts";
import { itOnUws } from "../../support/native.ts";
import { RawClient } from "../../support/raw-client.ts";
import { TestServer } from "../../support/server.ts";

const LOCAL = { port: 0, host: "127.0.0.1" };

/** What a client of HTTP/1.0 is told: it tells the engines apart. */
async function askOld(port: number): Promise<string> {
  const client = await RawClient.connect(port);
  return await client.send("GET / HTTP/1.0\r\n\r\n").untilClosed();
}

const STATUS: Record<Exclude<EngineChoice, "auto">, RegExp> = {
  uws: /^HTTP\/1.1 505 /,
  node: /^HTTP\/1.1 200 /,
};

describe("The engine of an address", () => {
  for (const engine of ["uws", "node"] as const) {
    const other = engine === "uws" ? "node" : "uws";

    const test = engine === "node" ? it : itOnUws;

    test(`is ${engine} where the loop says so`, async () => {
      const server = new TestServer({ engine });
      server.loop.mount(() => "");
      const { port } = await server.loop.listen(LOCAL);
      expect(await askOld(port!)).to.match(STATUS[engine]);
    });

    test(`is ${engine} where the address says so, and the loop says ${other}`, async () => {
      const server = new TestServer({ engine: other });
      server.loop.mount(() => "");
      const { port } = await server.loop.listen({ ...LOCAL, engine });
      expect(await askOld(port!)).to.match(STATUS[engine]);
    });
  }

  itOnUws("may be another one for each", async () => {
    const server = new TestServer();
    server.loop.mount(() => "");
    for (const engine of ["uws", "node"] as const) {
      const { port } = await server.loop.listen({ ...LOCAL, engine });
      expect(await askOld(port!)).to.match(STATUS[engine]);
    }
  });

  it("is one of three", async () => {
    const server = new TestServer();
    const engine = "deno" as EngineChoice;
    const error = await server.loop
      .listen({ ...LOCAL, engine })
      .catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(UsageError);
    expect(String(error)).to.match(/engine.*"uws", "node" or "auto"/);
    expect(() => new TestServer({ engine })).to.throw(UsageError, "engine");
  });

  describe("in a process of its own", function () {
    this.timeout(20_000);
    const index = JSON.stringify(
      new URL("../../../lib/index.js", import.meta.url),
    );

    /** Runs a program that has `Loop`, where `uWebSockets.js` does not load; it can see what was asked for. */
    async function run(program: string): Promise<string> {
      const code = `
        import Module from "node:module";
        const load = Module._load;
        const asked = [];
        Module._load = function (name, ...rest) {
          if (name === "uWebSockets.js") asked.push(name);
          if (name === "uWebSockets.js")
            throw new Error("Cannot find module 'uWebSockets.js'\\nRequire stack:\\n- /a.js\\n- /b.js");
          return load.call(this, name, ...rest);
        };
        const { Loop } = await import(${index});
        ${program}`;
      const { stdout } = await promisify(execFile)(process.execPath, [
        "--input-type=module",
        "--eval",
        code,
      ]);
      return stdout;
    }

    it("is Node's where uWebSockets.js does not load, and one line of the log says why", async () => {
      const out = await run(`
        const loop = new Loop().mount(() => "served");
        for (let i = 0; i < 2; i++) {
          const { url } = await loop.listen({ port: 0, host: "127.0.0.1" });
          console.log(await (await fetch(url)).text());
        }
        await loop.close();`);
      const lines = out.trim().split("\n");
      expect(lines.filter((line) => line === "served")).to.have.lengthOf(2);
      const warnings = lines.filter((line) => line.includes('"level":40'));
      expect(warnings.map((line) => JSON.parse(line).msg)).to.deep.equal([
        "Node's own HTTP is the engine, as uWebSockets.js does not load here: Cannot find module 'uWebSockets.js'",
      ]);
    });

    it("is an error where uWebSockets.js is asked for", async () => {
      const out = await run(`
        const loop = new Loop({ log: false, engine: "uws" }).mount(() => "");
        console.log(String(await loop.listen(0).catch((error) => error)));`);
      expect(out)
        .to.match(/^Error|EngineError/)
        .and.match(/reason: +Cannot find module 'uWebSockets.js'\n$/);
    });

    it("is not loaded before somebody listens", async () => {
      const out = await run(`
        const loop = new Loop({ log: false }).mount(() => "");
        console.log(asked.length);
        await loop.listen({ port: 0, engine: "node" });
        console.log(asked.length);
        await loop.close();`);
      expect(out).to.equal("0\n0\n");
    });
  });
});
