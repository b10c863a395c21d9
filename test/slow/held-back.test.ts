/** Clients that an engine has a clock for, at applications that take their time. */
import { mock } from "node:test";
import { setImmediate, setTimeout as delay } from "node:timers/promises";
import { onEachEngine } from "../support/engines.ts";
import { Gate } from "../support/gate.ts";
import { afterTest } from "../support/hooks.ts";
import { RawClient } from "../support/raw-client.ts";

onEachEngine(({ serveWith }) => {
  describe("A body that is held back", () => {
    it("is not cut off while the application works, before it reads and after", async function () {
      this.timeout(30_000);
      mock.timers.enable({ apis: ["setInterval"] }); // by which hold.ts looks after a client
      afterTest(() => mock.timers.reset());
      const hasRead = new Gate();
      const work = async (): Promise<void> => {
        for (let turn = 0; turn < 50; turn++) await setImmediate(); // what is sent arrives, and is held back
        mock.timers.tick(5000);
        await delay(8500); // the engine looks at its clocks each 4 s, and cuts who is silent at two looks
      };
      const server = await serveWith(
        (loop) =>
          loop.mount(async (request) => {
            if (request.path === "/before") await work();
            const { length } = await request.bytes();
            if (request.path === "/after") {
              hasRead.open();
              await work();
            }
            return `${length} bytes`;
          }),
        { maxBodyBytes: Infinity, idleTimeoutMs: 5000 },
      );
      const length = 2 ** 24;
      const upload = async (path: string): Promise<void> => {
        const client = await RawClient.connect(server.port);
        client.request(`POST ${path}`, [`content-length: ${length}`]);
        client.send("x".repeat(length));
        await client.until(/16777216 bytes$/);
        client.abort();
      };
      const after = upload("/after");
      await hasRead.opened;
      await Promise.all([after, upload("/before")]);
    });
  });
});
