/** What sockets came to: in all, and by mount and route. */
import { expect } from "chai";
import {
  upgrade,
  UsageError,
  type Broker,
  type BrokerEvents,
  type Loop,
  type PlaceCounts,
  type Socket,
} from "../../../lib/index.ts";
import { LoopRequests } from "../../../lib/cli/loop-requests.ts";
import { onEachEngine } from "../../support/engines.ts";
import { SocketClient } from "../../support/web-socket.ts";

function* echo(socket: Socket) {
  for (let message; (message = yield* socket.receive()) !== undefined;)
    yield* socket.send(message);
}

/** Subscribes to the topic in its path, says so, and publishes there what its client says, but not to itself. */
const talk =
  (loop: Loop) =>
  ({ params }: { params: { topic: string } }) =>
    upgrade(function* (socket) {
      const { topic } = params;
      if (topic !== "none") socket.subscribe(topic);
      yield* socket.send("ready");
      for (let message; (message = yield* socket.receive());)
        loop.publish("news", message, { except: socket });
    });

/** Both may be upgraded to the same topic. */
const rooms = (loop: Loop): Loop =>
  loop
    .measure()
    .websocket("/a/:topic", talk(loop))
    .websocket("/b/:topic", talk(loop));

const OF_NONE = {
  open: 0,
  opened: 0,
  subscriptions: 0,
  received: 0,
  receivedBytes: 0,
  sent: 0,
  sentBytes: 0,
  dropped: 0,
  closedAsSlow: 0,
};

const socketsOf = (loop: Loop, name: string): PlaceCounts | undefined =>
  loop.figures().find(({ mount }) => mount === name)!.sockets;

onEachEngine(({ serveWith }) => {
  /** Those that have subscribed, or not. */
  async function ready(port: number, ...paths: string[]) {
    const all = await Promise.all(
      paths.map((path) => SocketClient.open(port, path)),
    );
    for (const client of all) await client.messages(1);
    return all;
  }

  it("Loop.figures has the sockets of each mount and route, and Loop.socketCounts their sum", async () => {
    const { loop, port, url } = await serveWith((it) =>
      it
        .measure()
        .websocket("/echo/:name", upgrade(echo))
        .mount("/app", () => upgrade(echo), { websocket: {} })
        .mount("/idle", () => "idle", { websocket: {} })
        .get("/plain", () => "plain"),
    );
    for (const path of ["/plain", "/idle"])
      await (await fetch(url + path)).text();
    const [one, two, below] = await Promise.all(
      ["/echo/1", "/echo/2", "/app/below"].map((path) =>
        SocketClient.open(port, path),
      ),
    );
    one!.send("für");
    two!.send(Buffer.from("abc"));
    below!.send("12345");
    for (const client of [one, two, below]) await client!.messages(1);
    one!.ws.close();
    await one!.closed;
    while (loop.socketCounts.open > 2)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const echoed = { received: 2, receivedBytes: 7, sent: 2, sentBytes: 7 };
    expect(socketsOf(loop, "/echo/:name")).to.deep.equal({
      ...OF_NONE,
      ...echoed,
      open: 1,
      opened: 2,
    });
    expect(socketsOf(loop, "/app")).to.deep.equal({
      ...OF_NONE,
      open: 1,
      opened: 1,
      received: 1,
      receivedBytes: 5,
      sent: 1,
      sentBytes: 5,
    });
    expect(socketsOf(loop, "/idle")).to.deep.equal(OF_NONE);
    expect(socketsOf(loop, "/plain")).to.equal(undefined);
    expect(loop.socketCounts).to.deep.equal({
      ...OF_NONE,
      open: 2,
      opened: 3,
      received: 3,
      receivedBytes: 12,
      sent: 3,
      sentBytes: 12,
      lost: 0,
    });
  });

  it("Loop.publish counts once for each subscriber, where that was upgraded", async () => {
    const { loop, port } = await serveWith(rooms);
    const clients = await ready(
      port,
      "/a/news",
      "/a/news",
      "/b/news",
      "/b/other",
      "/b/none",
    );
    const [one, two, three, , none] = clients;
    loop.publish("news", "für");
    loop.publish("nobody", "for nobody");
    one!.send(Buffer.from([1, 2])); // not to itself
    for (const client of [two, three]) await client!.messages(3);
    const sentIn = (name: string): unknown => {
      const { sent, sentBytes } = socketsOf(loop, name)!;
      return [sent, sentBytes];
    };
    const ready_ = "ready".length;
    expect(sentIn("/a/:topic")).to.deep.equal([2 + 2 + 1, 2 * ready_ + 8 + 2]);
    expect(sentIn("/b/:topic")).to.deep.equal([3 + 1 + 1, 3 * ready_ + 4 + 2]);
    none!.send("from outside");
    for (const client of [one, two, three])
      expect((await client!.messages(client === one ? 3 : 4)).at(-1)).to.equal(
        "from outside",
      );
    expect(loop.socketCounts.sent).to.equal(10 + 3);
    expect(loop.socketCounts.subscriptions).to.equal(4);
  });

  it("tells a broker of the first and the last of all sockets at a topic, and counts what comes from it", async () => {
    const told: string[] = [];
    let events!: BrokerEvents;
    const broker: Broker = {
      name: "a broker",
      async open(its) {
        events = its;
        return {
          publish: () => undefined,
          subscribe: (topic) => void told.push(`+${topic}`),
          unsubscribe: (topic) => void told.push(`-${topic}`),
          close: async () => {},
        };
      },
    };
    const { loop, port } = await serveWith(rooms, { topics: broker });
    const [one, two] = await ready(port, "/a/news", "/b/news");
    expect(told).to.deep.equal(["+news"]);
    events.received("news", "from elsewhere");
    for (const client of [one, two])
      expect((await client!.messages(2))[1]).to.equal("from elsewhere");
    expect(loop.socketCounts.sent).to.equal(2 + 2);
    for (const [left, client] of [one, two].entries()) {
      client!.ws.close();
      while (loop.socketCounts.open > 1 - left)
        await new Promise((resolve) => setTimeout(resolve, 5));
      expect(told.length).to.equal(1 + left);
    }
    expect(told).to.deep.equal(["+news", "-news"]);
  });

  it("Socket.subscribe, unsubscribe and Loop.publish throw a UsageError for a topic that is no text, and count nothing", async () => {
    const errors: unknown[] = [];
    const attempt = (call: () => unknown): void => {
      try {
        call();
      } catch (error) {
        errors.push(error);
      }
    };
    const { loop, port } = await serveWith((it) =>
      it.websocket(
        "/",
        upgrade(function* (socket) {
          for (const topic of [5, undefined, null, {}] as never[]) {
            attempt(() => socket.subscribe(topic));
            attempt(() => socket.unsubscribe(topic));
            attempt(() => it.publish(topic, "message"));
            attempt(() => it.publish("", topic));
            attempt(() => socket.send(topic));
          }
          attempt(() => it.publish("", "x", { except: {} as never }));
          socket.subscribe(""); // which is text
          it.publish("", "to the empty topic");
          yield* socket.receive();
          attempt(() => socket.subscribe(6 as never));
        }),
      ),
    );
    const client = await SocketClient.open(port, "/");
    expect(await client.messages(1)).to.deep.equal(["to the empty topic"]);
    expect(loop.socketCounts).to.include({ subscriptions: 1, sent: 1 });
    client.ws.close();
    await client.closed;
    while (loop.socketCounts.open > 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(loop.socketCounts.subscriptions).to.equal(0);
    expect(errors).to.have.lengthOf(22);
    for (const error of errors) expect(error).to.be.instanceOf(UsageError);
    expect(String(errors[0])).to.include('text as a topic, such as "news"');
  });

  it("LoopRequests.figures has a mount again when its sockets had messages and no request came", async () => {
    const { loop, port } = await serveWith((it) =>
      it.measure().websocket("/", upgrade(echo)),
    );
    const requests = new LoopRequests();
    requests.follow(loop);
    const client = await SocketClient.open(port, "/");
    const reported = (): number[] => {
      const { figures } = requests;
      requests.reported(figures);
      return figures.map(({ sockets }) => sockets!.received);
    };
    expect(reported()).to.deep.equal([0]);
    expect(reported()).to.deep.equal([]);
    client.send("a");
    await client.messages(1);
    expect(reported()).to.deep.equal([1]);
  });
});
