import { expect } from "chai";
import { HttpError, type Handler } from "../../lib/index.ts";
import { onEachEngine } from "../support/engines.ts";
import { RawClient } from "../support/raw-client.ts";

onEachEngine(({ serveWith }) => {
  describe("A client that sends requests and reads no replies", () => {
    for (const [what, handler] of Object.entries<Handler>({
      "small texts": () => "x".repeat(500),
      "small objects": () => ({ body: "x".repeat(500) }),
      "larger texts": () => "x".repeat(50_000),
      errors: () => {
        throw new HttpError(404, "x".repeat(500));
      },
    }))
      it(`is cut off, at a page of ${what}, before it has filled the memory`, async function () {
        this.timeout(20_000);
        const server = await serveWith((loop) => loop.mount(handler), {
          idleTimeoutMs: 1000,
        });
        const { socket } = await RawClient.connect(server.port);
        const requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
        await new Promise<void>((resolve) => {
          const send = (): void => {
            while (socket.write(requests)); // until it has to drain
          };
          socket
            .pause()
            .on("drain", send)
            .on("close", () => resolve());
          send();
        });
        const { tally } = await server.loop.close();
        expect(tally.abort).to.equal(1);
        expect(tally.ok).to.be.greaterThan(0);
      });
  });
});
