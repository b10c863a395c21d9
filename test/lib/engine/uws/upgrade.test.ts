/** Connections that are upgraded once their handler has waited for something. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { afterTest } from "../../../support/hooks.ts";
import { describeOnUws } from "../../../support/native.ts";
import { SocketClient } from "../../../support/web-socket.ts";

const LIB = JSON.stringify(
  new URL("../../../../lib/index.js", import.meta.url),
);

const SERVER = `
  import { Loop, upgrade } from ${LIB};
  const loop = new Loop({ log: false, engine: "uws" }).websocket("/", async () => {
    await new Promise(setImmediate);
    return upgrade((socket) => socket.send("hello"));
  });
  console.log((await loop.listen({ port: 0, host: "127.0.0.1" })).port);`;

/** With this bit, memory that is free says to uWebSockets.js: this response is done, and its connection is to close. */
const FREED = { MALLOC_PERTURB_: "16" };

describeOnUws("upgrade(), later than its request came", () => {
  it("keeps the connection open, whatever stands in the memory behind its response", async () => {
    const server = spawn(
      process.execPath,
      ["--input-type=module", "--eval", SERVER],
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, ...FREED },
      },
    );
    afterTest(() => server.kill("SIGKILL"));
    const [port] = (await once(createInterface(server.stdout), "line")) as [
      string,
    ];
    for (let count = 0; count < 200; count++) {
      const headers = { cookie: "x".repeat(count) };
      const client = new SocketClient(Number(port), "/", { headers });
      expect(await client.messages(1)).to.deep.equal(["hello"]);
      expect(await client.closed).to.deep.equal([1000, ""]);
    }
  });
});
