/** Applications of node:http under the command: exported, and as programs that listen by themselves. */
import { get } from "node:http";
import { text } from "node:stream/consumers";
import { once } from "node:events";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { Eddy, eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { ROOT } from "../support/root.ts";
import { SocketClient } from "../support/web-socket.ts";

/** With packages that are no dependencies of eddy's. */
function folderOf(files: Record<string, string>): string {
  const folder = folderWith(files);
  for (const name of ["express", "koa", "fastify", "ws"])
    symlinkSync(
      join(ROOT, "node_modules", name),
      join(folder, "node_modules", name),
    );
  return folder;
}

async function ask(port: number, path = "/"): Promise<string> {
  const req = get({ port, host: "127.0.0.1", path, agent: false });
  const [res] = await once(req, "response");
  return await text(res);
}

describe("The command runs, of node:http,", function () {
  this.timeout(PATIENCE_MS);

  for (const [kind, app] of [
    [
      "Express",
      `import express from "express";
       const app = express();
       app.get("/", (req, res) => { res.send("served"); });
       export default app;`,
    ],
    [
      "Koa",
      `import Koa from "koa";
       export const app = new Koa();
       app.use((ctx) => { ctx.body = "served"; });`,
    ],
    [
      "Fastify",
      `import fastify from "fastify";
       export const app = fastify();
       app.get("/", async () => "served");`,
    ],
    [
      "node:http",
      `import { createServer } from "node:http";
       export default createServer((req, res) => res.end("served"));`,
    ],
  ] as const)
    it(`an exported application of ${kind}, as it is`, async () => {
      const command = eddy(folderOf({ "app.mjs": app }), ["app.mjs"]);
      expect(await command.text()).to.equal("served");
    });

  it("a program with its own listen() and a server of `ws`, whose clients get 1001 when it drains", async () => {
    const port = await freePort();
    const folder = folderOf({
      "server.mjs": `
        import { createServer } from "node:http";
        import { WebSocketServer } from "ws";
        const server = createServer((req, res) => res.end("served"));
        new WebSocketServer({ server }).on("connection", (ws) => {
          ws.on("message", (data) => ws.send("got " + data));
        });
        server.listen(${port}, "127.0.0.1");`,
    });
    const command = new Eddy(folder, ["server.mjs", "--take-listen"]);
    await command.logged(/kill -HUP/);
    const client = await SocketClient.open(port, "/");
    client.send("it");
    expect(await client.messages(1)).to.deep.equal(["got it"]);
    command.kill("SIGTERM");
    expect((await client.closed)[0]).to.equal(1001);
    expect(await command.ended).to.equal(0);
  });

  it("a program with its own listen(), where that says, and drains it", async () => {
    const port = await freePort();
    const folder = folderOf({
      "server.mjs": `
        import express from "express";
        const app = express();
        app.get("/", (req, res) => { res.send("served"); });
        app.get("/slow", (req, res) => { setTimeout(() => res.send("slowly"), 300); });
        await new Promise((resolve) => setTimeout(resolve, 5));
        const server = app.listen(${port}, "127.0.0.1", () => {
          console.log("at", server.address().port, server.listening);
        });
        server.on("close", () => console.log("closed"));`,
    });
    const command = new Eddy(folder, ["server.mjs", "--take-listen"]);
    await command.until("its callback", () =>
      command.lines.find((line) => line.includes(`at ${port} true`)),
    );
    await command.logged(
      /has a server listen at 127\.0\.0\.1:\d+: the command serves it at http/,
    );
    await command.logged(/kill -HUP/);
    expect(await ask(port)).to.equal("served");
    const slow = ask(port, "/slow");
    await ask(port);
    command.kill("SIGTERM");
    expect(await slow).to.equal("slowly");
    expect(await command.ended).to.equal(0);
    expect(command.lines.join("\n")).to.match(/closed/);
  });

  for (const [kind, program] of [
    [
      "Express",
      `import express from "express";
       express().get("/", (req, res) => { res.send("served"); }).listen(80);`,
    ],
    [
      "Fastify, at both addresses of localhost",
      `import fastify from "fastify";
       const app = fastify();
       app.get("/", async () => "served");
       console.log(await app.listen({ port: 80 }));`,
    ],
  ] as const)
    it(`a program of ${kind}, where --http says`, async () => {
      const folder = folderOf({ "server.mjs": program });
      const command = eddy(folder, ["server.mjs", "--take-listen"]);
      expect(await command.text()).to.equal("served");
    });

  it("nothing that it cannot: several servers, TLS, no server at all", async () => {
    const createServers = `
      import { createServer } from "node:http";
      import * as https from "node:https";
      createServer(() => {})`;
    const cases = [
      [".listen(1); createServer(() => {}).listen(2)", /listens at :2, too/],
      [".on; https.createServer(() => {}).listen(1)", /--tls-key/],
      [".listen({ fd: 3 })", /a port, a port and a host, or a path/],
      ["", /no server of node:http listen/, "--start-timeout", "100ms"],
    ] as const;
    const tried = cases.map(async ([program, message, ...args]) => {
      const folder = folderOf({ "server.mjs": createServers + program });
      const command = eddy(folder, ["server.mjs", "--take-listen", ...args]);
      await command.ended;
      expect(command.stderr + command.lines.join("\n")).to.match(message);
    });
    await Promise.all(tried);
  });
});
