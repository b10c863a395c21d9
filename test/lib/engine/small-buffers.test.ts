/**
 * Replies on TCP connections with little room, which the system is told to have in a network of its own: elsewhere it
 * has megabytes.
 */
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "chai";
import { onEachEngine } from "../../support/engines.ts";

onEachEngine(({ options: engine }) => {
  const LITTLE_ROOM = `
  ip link set lo up
  echo 4096 16384 65536 > /proc/sys/net/ipv4/tcp_wmem
  echo 4096 8192 16384 > /proc/sys/net/ipv4/tcp_rmem`;

  const PROGRAM = `
  import { get } from "node:http";
  import { once } from "node:events";
  import { setImmediate as turn } from "node:timers/promises";
  import { Loop, stream } from ${JSON.stringify(new URL("../../../lib/index.js", import.meta.url))};

  const sizes = [5, 300, 4000, 16_300, 16_320, 16_321, 33_000];
  const chunks = Array.from({ length: 210 }, (_, i) => {
    const text = String.fromCharCode(97 + (i % 26)).repeat(sizes[i % 7]);
    return i % 2 ? text : Buffer.from(text);
  });
  const loop = new Loop({ log: false })
    .get("/at-once", () => stream(chunks))
    .get("/later", async () => {
      await turn();
      return stream(chunks);
    })
    .get("/one-by-one", () => stream((async function* () { yield* chunks; })()));
  const { url } = await loop.listen({ ...${JSON.stringify(engine)}, port: 0, host: "127.0.0.1" });
  for (const path of ["/at-once", "/later", "/one-by-one"]) {
    const [response] = await once(get(url + path, { agent: false }), "response");
    let received = "";
    for await (const piece of response.setEncoding("utf8")) {
      received += piece;
      for (let turns = 0; turns < 20; turns++) await turn(); // so the server finds no room
    }
    console.log(path, received === chunks.join(""));
  }
  await loop.close();`;

  describe("A client with little room that takes its time", () => {
    it("gets streams of chunks of all sizes whole", async function () {
      const inside = ["-n", "sh", "-ec"];
      const can = spawnSync("unshare", [...inside, LITTLE_ROOM]);
      if (can.status !== 0) return this.skip(); // no Linux, no right to, or no `ip`
      const { stdout } = await promisify(execFile)("unshare", [
        ...inside,
        `${LITTLE_ROOM}\nexec "$0" --input-type=module -e "$1"`,
        process.execPath,
        PROGRAM,
      ]);
      expect(stdout).to.equal("/at-once true\n/later true\n/one-by-one true\n");
    });
  });
});
