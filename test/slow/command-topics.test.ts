/** Topics between the workers of a command, and between commands. */
import { setTimeout as pass } from "node:timers/promises";
import { expect } from "chai";
import { eddy, Eddy, PATIENCE_MS, shorter } from "../support/command.ts";
import { BROKERS, BrokerServer } from "../support/brokers.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { describeIf } from "../support/programs.ts";
import { SocketClient } from "../support/web-socket.ts";

/**
 * What a client says is published; each is told its worker first. Nobody is held back, as that is not what this is
 * about.
 */
const APP = `
  import { Loop, upgrade } from "eddy";
  const loop = new Loop();
  loop.websocket("/", upgrade(async (socket) => {
    socket.subscribe("chat");
    await socket.send(String(process.pid));
    for await (const message of socket) await loop.publish("chat", message);
  }), { maxBufferedBytes: 64 * 1024 ** 2, maxQueuedBytes: 64 * 1024 ** 2 });
  export default loop;`;

async function port(command: Eddy): Promise<number> {
  return Number(new URL(await command.url()).port);
}

/** Sockets at each of the workers, by its pid, ready to get messages. */
async function socketsOfEach(
  command: Eddy,
  workers: readonly number[],
): Promise<Map<number, SocketClient>> {
  const sockets = new Map<number, SocketClient>();
  while (workers.some((pid) => !sockets.has(pid))) {
    const client = await SocketClient.open(await port(command), "/");
    const [pid] = await client.messages(1);
    if (sockets.has(Number(pid))) client.ws.terminate();
    else sockets.set(Number(pid), client);
  }
  await untilHeard([...sockets.values()]);
  return sockets;
}

/** Others know of a subscription a little later: until each hears each, then all are told where to begin. */
async function untilHeard(clients: readonly SocketClient[]): Promise<void> {
  for (const from of clients) {
    const hello = `hello ${clients.indexOf(from)}`;
    while (!clients.every(({ received }) => received.includes(hello))) {
      from.send(hello);
      await pass(20);
    }
  }
  for (const from of clients) {
    const end = `end ${clients.indexOf(from)}`;
    from.send(end);
    for (const to of clients)
      while (!to.received.includes(end))
        await to.messages(to.received.length + 1);
  }
  for (const { received } of clients) received.length = 0;
}

describe("Topics of the command", function () {
  this.timeout(PATIENCE_MS);

  it("reach the sockets of all workers, in order, text as text and bytes as bytes", async () => {
    const command = eddy(folderWith({ "app.mjs": APP }), [
      "app.mjs",
      "--workers",
      "2",
    ]);
    const workers = await command.workers();
    const [a, b] = [...(await socketsOfEach(command, workers)).values()];
    a!.send(Buffer.from([0, 255]));
    const numbers = Array.from({ length: 5000 }, (_, i) => String(i));
    for (const number of numbers) a!.send(number);
    for (const client of [a!, b!])
      expect(await client.messages(5001)).to.deep.equal([
        Buffer.from([0, 255]),
        ...numbers,
      ]);
  });

  it("keep their order in a reload, and sockets that stay lose none", async () => {
    const command = eddy(
      folderWith({ "app.mjs": APP }),
      ["app.mjs", "--workers", "2"],
      shorter({}),
    );
    const workers = await command.workers();
    const sockets = await socketsOfEach(command, workers);
    let sent = 0;
    const speakers = [...sockets.values()];
    const timer = setInterval(() => {
      for (const [i, speaker] of speakers.entries())
        if (speaker.ws.readyState === speaker.ws.OPEN)
          speaker.send(`${i} ${sent}`);
      sent++;
    }, 1);
    command.kill("SIGHUP");
    await command.logged(/reloaded 2 workers/);
    clearInterval(timer);
    await Promise.all(speakers.map(({ closed }) => closed));
    for (const { received } of speakers)
      for (const i of speakers.keys()) {
        const numbers = received
          .map((message) => String(message).split(" ").map(Number))
          .filter(([speaker]) => speaker === i)
          .map(([, number]) => number!);
        expect(numbers.length).to.be.greaterThan(0);
        expect(numbers).to.deep.equal(
          numbers.map((_, at) => numbers[0]! + at),
          "one behind the other",
        );
      }
    const again = await command.logged(/reloads$/);
    expect(again.workers).to.not.equal(undefined);
  });

  it("cost a worker that does not read its own messages, which are counted, and nobody else's", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const command = eddy(
      folderWith({ "app.mjs": APP }),
      ["app.mjs", "--workers", "3", "--stats", stats],
      shorter({ reportMs: 100 }),
    );
    const workers = await command.workers();
    const sockets = await socketsOfEach(command, workers);
    const [stuck, from, to] = workers as [number, number, number];
    process.kill(stuck, "SIGSTOP");
    const count = 400;
    const message = "x".repeat(50_000);
    for (let i = 0; i < count; i++) sockets.get(from)!.send(`${i} ${message}`);
    const received = await sockets.get(to)!.messages(count);
    expect(received.map((one) => parseInt(String(one), 10))).to.deep.equal(
      Array.from({ length: count }, (_, i) => i),
    );
    const line = await command.logged(/does not read what others publish/);
    expect(line).to.include({ worker: stuck });
    const status = (await (await fetch(`http://${stats}/`)).json()) as {
      workers: { pid: number; sockets: { lost: number } }[];
    };
    const lost = status.workers.find(({ pid }) => pid === stuck)!.sockets.lost;
    expect(lost).to.be.within(count / 4, count);
    process.kill(stuck, "SIGCONT");
    const late = await sockets.get(stuck)!.messages(count - lost);
    expect(late.map((one) => parseInt(String(one), 10))).to.deep.equal(
      Array.from({ length: count - lost }, (_, i) => i),
    );
    const metrics = await (await fetch(`http://${stats}/metrics`)).text();
    expect(metrics).to.match(
      new RegExp(
        `^eddy_sockets_messages_lost\\{pid="${stuck}"\\} ${lost}$`,
        "m",
      ),
    );
  });

  it("are counted by mount in the metrics, for all workers together, also when these have ended", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const command = eddy(
      folderWith({ "app.mjs": APP }),
      ["app.mjs", "--workers", "2", "--stats", stats],
      shorter({ reportMs: 50 }),
    );
    /** The sums of all that have these names, once that of the first is as it is to be. */
    const sums = async (
      isThere: (first: number) => boolean,
      ...names: string[]
    ) => {
      for (;;) {
        const reply = await fetch(`http://${stats}/metrics`);
        const lines = (await reply.text()).split("\n");
        const found = names.map((name) =>
          lines
            .filter((line) => line.startsWith(`${name}{`))
            .reduce((sum, line) => sum + Number(line.split("} ")[1]), 0),
        );
        if (isThere(found[0]!)) return found.slice(1);
        await pass(20);
      }
    };
    const workers = await command.workers();
    await socketsOfEach(command, workers);
    const SENT = [
      "eddy_sockets_messages_sent",
      "eddy_sockets_sent_bytes",
    ] as const;
    const BY_MOUNT = [
      "eddy_mount_sockets_messages_sent_total",
      "eddy_mount_sockets_sent_bytes_total",
    ];
    const [sent, bytes, sentThere, bytesThere] = await sums(
      (count) => count > 8, // each has told its worker, and published twice to both
      SENT[0],
      ...SENT,
      ...BY_MOUNT,
    );
    expect([sentThere, bytesThere]).to.deep.equal([sent, bytes]);
    command.kill("SIGHUP");
    await command.logged(/reloaded 2 workers/);
    const [open, ...after] = await sums(
      (count) => count === 0,
      "eddy_sockets_opened",
      "eddy_mount_sockets",
      ...BY_MOUNT,
    );
    expect(open).to.equal(0);
    expect(after[0]).to.be.at.least(sent!);
    expect(after[1]).to.be.at.least(bytes!);
  });
});

for (const kind of BROKERS)
  describeIf(kind.missing, `Topics of commands at ${kind.name}`, function () {
    this.timeout(PATIENCE_MS);

    it("reach the sockets of all of them; its password is not shown", async () => {
      const broker = await BrokerServer.start(kind);
      const folder = folderWith({ "app.mjs": APP });
      const commands = [1, 2].map(() =>
        eddy(folder, ["app.mjs", "--workers", "2"], {
          EDDY_TOPICS: broker.url,
        }),
      );
      const all: SocketClient[] = [];
      for (const command of commands) {
        const workers = await command.workers();
        all.push(...(await socketsOfEach(command, workers)).values());
      }
      await untilHeard(all);
      all[0]!.send("to all");
      for (const client of all)
        expect(await client.messages(1)).to.deep.equal(["to all"]);

      const url = broker.url.replace("//", "//me:secret@");
      const config = new Eddy(folder, ["config", "--topics", url]);
      expect(await config.ended).to.equal(0);
      expect(config.lines.join("\n"))
        .to.include(broker.url.replace("//", "//[redacted]@"))
        .and.not.include("secret@");
    });
  });
