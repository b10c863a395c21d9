/** A socket of the engine `node`, as the engine itself has it. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { WebSocket, WebSocketServer } from "ws";
import { NodeSocket } from "../../../../lib/engine/node/socket.ts";
import { Topics } from "../../../../lib/engine/node/topics.ts";
import type { SocketEvents } from "../../../../lib/engine/socket.ts";
import { afterTest } from "../../../support/hooks.ts";

const LIMITS = {
  maxMessageBytes: 1024,
  maxBufferedBytes: 1024,
  slow: "close",
  idleTimeoutMs: 60, // a loop has 8000 at least
  compress: false,
  compressFrom: 1024,
} as const;

/** A client of it, and what its other side is told of the end: once it is. */
async function connect(
  autoPong: boolean,
): Promise<[WebSocket, Promise<unknown>]> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, { autoPong });
  afterTest(() => {
    client.terminate();
    server.close();
  });
  const [ws] = (await once(server, "connection")) as [WebSocket];
  const closed = new Promise((resolve) => {
    const events: Partial<SocketEvents> = {
      ponged: () => {},
      closed: (code) => resolve(code),
    };
    new NodeSocket(ws, LIMITS, events as SocketEvents, new Topics());
  });
  return [client, closed];
}

describe("NodeSocket with idleTimeoutMs", () => {
  it("is cut when its client answers no pings", async () => {
    const [client, closed] = await connect(false);
    const gone = once(client, "close");
    expect(await closed).to.equal(1006);
    await gone;
  });

  it("stays when its client answers them", async () => {
    const [client, closed] = await connect(true);
    for (let pings = 0; pings < 8; pings++) await once(client, "ping");
    expect(client.readyState).to.equal(WebSocket.OPEN);
    client.close(1000);
    expect(await closed).to.equal(1000);
  });
});
