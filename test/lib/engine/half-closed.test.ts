/** A client that ends its side behind a request waits for its reply, or has left (docs/engines.md). */
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { expect } from "chai";
import {
  stream,
  UsageError,
  type ListenOptions,
  type LoopOptions,
} from "../../../lib/index.ts";
import { CERTIFICATE } from "../../support/certificate.ts";
import { onEachEngine } from "../../support/engines.ts";
import { folderWith } from "../../support/folder.ts";
import { Gate } from "../../support/gate.ts";
import { afterTest } from "../../support/hooks.ts";
import { itOnUws } from "../../support/native.ts";
import { RawClient } from "../../support/raw-client.ts";
import { serveWith, type TestServer } from "../../support/server.ts";

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

const onPort = ({ port }: TestServer): Socket => connect(port, "127.0.0.1");
const byTls = ({ port }: TestServer): Socket =>
  connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });

/**
 * What a client gets of `listen(target)` that ends its side while the reply waits: until the server has seen that, and
 * says something that means nothing.
 */
async function waits(
  target: ListenOptions,
  connectTo = onPort,
  head = "",
  options: Omit<LoopOptions, "log"> = {},
): Promise<string> {
  const inside = new Gate();
  const finished = new Gate();
  const server = await serveWith(
    (loop) =>
      loop.mount(async () => {
        inside.open();
        await finished.opened;
        return "late";
      }),
    options,
    target,
  );
  const socket = connectTo(server).setEncoding("latin1");
  socket.allowHalfOpen = true;
  afterTest(() => socket.destroy());
  socket.write(`${head}GET / HTTP/1.1\r\nHost: test\r\n\r\n`, "latin1");
  await inside.opened;
  socket.end();
  let received = "";
  for await (const piece of socket) {
    received += piece as string;
    if (received.includes("100 Continue")) finished.open();
  }
  return received;
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
  const onNode: Record<string, () => Parameters<typeof waits>> = {
    "a port": () => [{ engine: "node" }],
    "a Unix socket": () => [
      { engine: "node", unix: join(folderWith({}), "http.sock") },
      ({ address }) => connect(address.unix!),
    ],
    TLS: () => [{ engine: "node", tls: CERTIFICATE }, byTls],
    "TLS with HTTP/2": () => [{ tls: CERTIFICATE, http2: true }, byTls],
    "a port with HTTP/2": () => [{ http2: true }],
    "a port behind a proxy": () => [
      { engine: "node" },
      onPort,
      "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", // of the proxy itself
      { trustProxy: ["loopback"], proxyHeader: "proxy-v2" },
    ],
  };
  for (const [where, given] of Object.entries(onNode))
    it(`is the default on the engine "node": a reply that waits is sent, at ${where}`, async () => {
      expect(await waits(...given())).to.match(/\r\n\r\nlate$/);
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
