/** Real clients of WebSockets: Autobahn's, Tornado's and `ws`, with an echo that compresses. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { upgrade, type Socket } from "../../lib/index.ts";
import { onEachEngine } from "../support/engines.ts";
import { describeIf } from "../support/programs.ts";
import { missingModules, PYTHON } from "../support/python.ts";
import { ROOT } from "../support/root.ts";
import { SocketClient } from "../support/web-socket.ts";

const run = promisify(execFile);

function* echo(socket: Socket) {
  for (let message; (message = yield* socket.receive()) !== undefined;)
    yield* socket.send(message);
}

onEachEngine((engine) => {
  /** An echo, and how its last socket was closed. */
  async function serve() {
    const codes: (number | undefined)[] = [];
    const server = await engine.serveWith((loop) =>
      loop.websocket(
        "/",
        upgrade(
          function* (socket) {
            yield* echo(socket);
            codes.push(socket.closed?.code);
          },
          { protocol: "chat.v2" },
        ),
        { compress: true },
      ),
    );
    return { port: server.port, codes };
  }

  for (const [module, expected] of [
    [
      "autobahn",
      { pong: "there?", extensions: ["permessage-deflate"], clean: true },
    ],
    ["tornado", {}],
  ] as const)
    describeIf(missingModules(module), `The client of ${module}`, () => {
      it("gets back what it sends: text, binary, fragments, compressed; and its close", async () => {
        const { port, codes } = await serve();
        const script = join(ROOT, `test/fronts/clients/${module}_client.py`);
        const url = `ws://127.0.0.1:${port}/`;
        const { stdout } = await run(PYTHON, [script, url]);
        expect(JSON.parse(stdout)).to.deep.equal({
          protocol: "chat.v2",
          messages: [true, true, true],
          code: 4000,
          reason: "bye",
          ...expected,
        });
        expect(codes).to.deep.equal([4000]);
      });
    });

  describe("The client of ws", () => {
    it("gets back what it sends, compressed, and its close", async () => {
      const { port, codes } = await serve();
      const options = { perMessageDeflate: { threshold: 0 } };
      const client = await SocketClient.open(port, "/ chat.v2", options);
      expect(client.ws.extensions).to.equal("permessage-deflate");
      const sent = ["für dich", "x".repeat(60_000), Buffer.from([1, 0, 255])];
      for (const message of sent) client.send(message);
      expect(await client.messages(3)).to.deep.equal(sent);
      client.ws.close(4000, "bye");
      expect(await client.closed).to.deep.equal([4000, "bye"]);
      expect(codes).to.deep.equal([4000]);
    });
  });
});
