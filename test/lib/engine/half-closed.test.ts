/** A client that ends its side behind a request waits for its reply, or has left (docs/engines.md). */
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { stream, UsageError, type ListenOptions } from "../../../lib/index.ts";
import { onEachEngine } from "../../support/engines.ts";
import { Gate } from "../../support/gate.ts";
import { itOnUws } from "../../support/native.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith } from "../../support/server.ts";

onEachEngine(({ serveWith }) => {
  it("A client that ends its side behind its request gets a reply that is there at once", async () => {
    const server = await serveWith((loop) => loop.mount(() => "at once"));
    const client = await RawClient.connect(server.port);
    const received = await client.request("GET /").finish().untilClosed();
    expect(received).to.match(/^HTTP\/1.1 200 OK\r\n[^]*at once$/);
  });
});

onEachEngine(({ serveWith }) => {
  it("A client that leaves is noticed behind pieces of a stream that are empty", async () => {
    const inside = new Gate();
    const ended = new Gate();
    const { port } = await serveWith((loop) =>
      loop.get("/", ({ signal }) => {
        signal.addEventListener("abort", () => ended.open());
        return stream(
          (async function* () {
            yield "";
            inside.open();
            await setTimeout(10_000, undefined, { signal });
          })(),
        );
      }),
    );
    const client = await RawClient.connect(port);
    client.request("GET /");
    await inside.opened;
    client.abort();
    await ended.opened;
  });
});

/** As a client sees `listen(target)` with a reply that waits until the client has ended its side. */
async function waits(target: ListenOptions): Promise<string> {
  const inside = new Gate();
  const finished = new Gate();
  const server = await serveWith(
    (loop) =>
      loop.mount(async () => {
        inside.open();
        await finished.opened;
        return "late";
      }),
    {},
    target,
  );
  const client = await RawClient.connect(server.port);
  client.request("GET /");
  await inside.opened;
  client.finish();
  finished.open();
  return await client.untilClosed();
}

async function* slowly(signal: AbortSignal): AsyncGenerator<string> {
  yield "first ";
  await setTimeout(10_000, undefined, { signal });
}

/** How an exchange ends there that would take ten seconds, and what its client gets. */
async function halted(target: ListenOptions): Promise<[unknown, string]> {
  const server = await serveWith(
    (loop) =>
      loop
        .get("/", async ({ signal }) => {
          await setTimeout(10_000, undefined, { signal });
          return "late";
        })
        .get("/stream", ({ signal }) => stream(slowly(signal))),
    { accessLog: true },
    target,
  );
  const client = await RawClient.connect(server.port);
  const received = await client.request("GET /").finish().untilClosed();
  const line = await server.logged(({ msg }) => msg === "request");
  const streamed = await RawClient.connect(server.port);
  await streamed.request("GET /stream").until(/first/);
  await streamed.finish().untilClosed();
  await server.logged(({ msg, path }) => msg === "request" && path !== "/");
  return [line["outcome"], received];
}

describe("listen({ halfOpen })", () => {
  it('is the default on the engine "node": a reply that waits is sent', async () => {
    expect(await waits({ engine: "node" })).to.match(/\r\n\r\nlate$/);
  });

  it('`true` takes the engine "node" where it is to be chosen', async () => {
    expect(await waits({ halfOpen: true })).to.match(/\r\n\r\nlate$/);
  });

  const without: Record<string, ListenOptions> = {
    "": { engine: "node", halfOpen: false },
    ", with HTTP/2 on the port": { http2: true, halfOpen: false },
  };
  for (const [how, target] of Object.entries(without))
    it(`\`false\`: such a client has left, which halts what waits${how}`, async () => {
      expect(await halted(target)).to.deep.equal(["abort", ""]);
    });

  itOnUws(
    "such a client has left on uWebSockets.js, which takes no `true`",
    async () => {
      expect(await halted({ engine: "uws" })).to.deep.equal(["abort", ""]);
      const error = await serveWith(
        () => {},
        {},
        { engine: "uws", halfOpen: true },
      ).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(UsageError);
      expect(String(error)).to.include(
        'leave halfOpen out, or take the engine "node"',
      );
    },
  );
});
