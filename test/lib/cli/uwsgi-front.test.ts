/** The supervisor's side of the setting `uwsgi`, without workers. */
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import {
  createServer,
  type AddressInfo,
  type Server,
  type Socket,
} from "node:net";
import { expect } from "chai";
import { run } from "effection";
import { beforeEach } from "mocha";
import { UwsgiFront } from "../../../lib/cli/uwsgi-front.ts";
import { afterTest } from "../../support/hooks.ts";
import { RawClient } from "../../support/raw-client.ts";

describe("UwsgiFront", () => {
  let server: Server;
  let front: UwsgiFront;
  beforeEach(async () => {
    server = createServer({ pauseOnConnect: true });
    front = new UwsgiFront(server, {
      async open() {
        await once(server.listen(0, "127.0.0.1"), "listening");
        return server.address()!;
      },
      close: () => void server.close(),
    });
    await run(() => front.open());
    afterTest(() => front.stop());
  });

  const connect = (): Promise<RawClient> =>
    RawClient.connect((front.address as AddressInfo).port);

  it("closes what waits at its end, and what a worker gives back after it", async () => {
    const worker = new Worker();
    front.serveBy(() => (worker.untaken.size === 0 ? [worker] : []));
    const clients = [await connect(), await connect()] as const;
    while ((await connections(server)) < 2);
    front.stop();
    expect(await clients[1].untilClosed()).to.equal("");
    expect(clients[0].closed).to.equal(false);
    front.takeBack([...worker.untaken]);
    expect(await clients[0].untilClosed()).to.equal("");
  });

  it("gives connections to workers in turn, but to none that takes them no more while others do", async () => {
    const [stuck, one, other] = [new Worker(), new Worker(), new Worker()];
    front.serveBy(() => [stuck, one, other]);
    for (let i = 0; i < 9; i++) {
      await connect();
      while (stuck.given + one.given + other.given === i) await turn();
      one.take();
      other.take();
    }
    expect(stuck.given).to.equal(1);
    expect(one.given).to.be.within(3, 5);
    front.stop();
    front.takeBack([...stuck.untaken]);
  });
});

class Worker {
  readonly untaken = new Set<Socket>();
  given = 0;

  give(socket: Socket): void {
    this.untaken.add(socket);
    this.given++;
  }

  take(): void {
    for (const connection of this.untaken) connection.destroy();
    this.untaken.clear();
  }
}

const connections = (server: Server): Promise<number> =>
  new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
