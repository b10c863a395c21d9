/** A client that ends its side behind a request has left, for the engine (docs/http.md). */
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { onEachEngine } from "../../support/engines.ts";
import { RawClient } from "../../support/raw-client.ts";

onEachEngine(({ serveWith }) => {
  describe("A client that ends its side behind its request", () => {
    it("gets a reply that is there at once", async () => {
      const server = await serveWith((loop) => loop.mount(() => "at once"));
      const client = await RawClient.connect(server.port);
      const received = await client.request("GET /").finish().untilClosed();
      expect(received).to.match(/^HTTP\/1.1 200 OK\r\n[^]*at once$/);
    });

    it("has left where the reply waits", async () => {
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
