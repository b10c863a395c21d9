/** The same program on node:http and on a loop, asked the same: status, fields and body have to be the same. */
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { node, type NodeApplication } from "../../../adapters/node.ts";
import { onEachEngine } from "../../support/engines.ts";
import { afterTest } from "../../support/hooks.ts";
import { PROGRAMS, type Ask, type Program } from "./programs.ts";

/** What belongs to the server and to the connection, not to the application. */
const OF_THE_SERVER = new Set([
  "connection",
  "content-length", // where one sends chunks and the other knows the length
  "date",
  "keep-alive",
  "transfer-encoding",
  "uwebsockets",
]);

interface Answer {
  readonly ask: string;
  readonly status: number;
  readonly reason: string;
  readonly fields: string[];
  readonly body: string;
}

async function answerTo(port: number, ask: Ask): Promise<Answer> {
  const { method = "GET", path, headers = {}, body } = ask;
  const req = request({
    port,
    host: "127.0.0.1",
    method,
    path,
    headers: { host: "example.org", ...headers },
    agent: false,
  });
  req.end(body);
  const [res] = await once(req, "response");
  const content = await buffer(res);
  const fields = (res.rawHeaders as string[])
    .map((name, i, all) => `${name.toLowerCase()}: ${all[i + 1]}`)
    .filter(
      (line, i) => i % 2 === 0 && !OF_THE_SERVER.has(line.split(":")[0]!),
    );
  if (method === "HEAD")
    fields.push(`length of HEAD: ${res.headers["content-length"]}`);
  return {
    ask: `${method} ${path} ${JSON.stringify(headers)}`,
    status: res.statusCode,
    reason: res.statusMessage,
    fields: fields.sort(),
    body: content.toString("latin1"),
  };
}

async function onNode(program: Program, app: NodeApplication): Promise<number> {
  const server = createServer(await program.listener(app));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterTest(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

onEachEngine((engine) => {
  describe("node(), beside node:http:", () => {
    for (const [name, program] of Object.entries(PROGRAMS))
      it(`answers as ${name} does there`, async () => {
        const theirs = await onNode(program, program.make());
        const { port } = await engine.serveWith((loop) =>
          loop.mount(node(program.make())),
        );
        for (const ask of program.requests)
          expect(await answerTo(port, ask)).to.deep.equal(
            await answerTo(theirs, ask),
          );
      });
  });
});
