/** A client that ends its side behind a request has left, for one of the engines (docs/engines.md). */
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { onEachEngine } from "../../support/engines.ts";
import { Gate } from "../../support/gate.ts";
import { RawClient } from "../../support/raw-client.ts";

onEachEngine(({ name, serveWith }) => {
  describe("A client that ends its side behind its request", () => {
    it("gets a reply that is there at once", async () => {
      const server = await serveWith((loop) => loop.mount(() => "at once"));
      const client = await RawClient.connect(server.port);
      const received = await client.request("GET /").finish().untilClosed();
      expect(received).to.match(/^HTTP\/1.1 200 OK\r\n[^]*at once$/);
    });

    if (name === "node")
      return it("gets one that waits, too", async () => {
        const inside = new Gate();
        const finished = new Gate();
        const server = await serveWith((loop) =>
          loop.mount(async () => {
            inside.open();
            await finished.opened;
            return "late";
          }),
        );
        const client = await RawClient.connect(server.port);
        client.request("GET /");
        await inside.opened;
        client.finish();
        finished.open();
        expect(await client.untilClosed()).to.match(/\r\n\r\nlate$/);
      });

    return it("has left where the reply waits", async () => {
      const server = await serveWith(
        (loop) =>
          loop.mount(async ({ signal }) => {
            await setTimeout(10_000, undefined, { signal });
            return "late";
          }),
        { accessLog: true },
      );
      const client = await RawClient.connect(server.port);
      const received = await client.request("GET /").finish().untilClosed();
      expect(received).to.equal("");
      const line = await server.logged(({ msg }) => msg === "request");
      expect(line["outcome"]).to.equal("abort");
    });
  });
});
