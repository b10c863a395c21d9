/** The supervisor's side of the setting `uwsgi`, without workers. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { expect } from "chai";
import { UwsgiFront } from "../../../lib/cli/uwsgi-front.ts";
import { RawClient } from "../../support/raw-client.ts";

describe("UwsgiFront", () => {
  it("closes what waits at its end, and what a worker gives back after it", async () => {
    const server = createServer({ pauseOnConnect: true });
    const front = new UwsgiFront(server.listen(0, "127.0.0.1"));
    await once(server, "listening");
    const given: Socket[] = [];
    const worker = { give: (socket: Socket) => void given.push(socket) };
    front.serveBy(() => (given.length === 0 ? [worker] : []));
    const { port } = front.address as AddressInfo;
    const clients = [
      await RawClient.connect(port),
      await RawClient.connect(port),
    ];
    while ((await connections(server)) < 2);
    front.stop();
    expect(await clients[1]!.untilClosed()).to.equal("");
    expect(clients[0]!.closed).to.equal(false);
    front.takeBack(given);
    expect(await clients[0]!.untilClosed()).to.equal("");
  });
});

const connections = (
  server: ReturnType<typeof createServer>,
): Promise<number> =>
  new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
