/**
 * One process of the suite `topics`: `node topics-role.js <role> <port of NATS> [port of the gateway]`. Says by IPC
 * when it is ready, takes orders to publish, and tells what it has got.
 */
import { connect } from "@nats-io/transport-node";
import { Loop, upgrade } from "eddy";
import { nats } from "eddy/brokers/nats";
import { WebSocket } from "ws";

const [role, broker, gateway] = process.argv.slice(2);
const TOPIC = "bench";
const BYTES = 64;

const roles = {
  async "bare publisher"() {
    const connection = await connect({ port: Number(broker) });
    publishes((text) => connection.publish(TOPIC, text));
  },
  async "bare receiver"() {
    const connection = await connect({ port: Number(broker) });
    const receive = receiver();
    connection.subscribe(TOPIC, {
      callback: (_, message) => receive(message.string()),
    });
    await connection.flush();
  },
  async "eddy publisher"() {
    const loop = new Loop({ log: false, topics: ofBroker() });
    await loop.listen({ port: 0, host: "127.0.0.1" });
    publishes((text) => loop.publish(TOPIC, text));
  },
  async "eddy gateway"() {
    const loop = new Loop({ log: false, topics: ofBroker() });
    loop.websocket(
      "/",
      upgrade(async (socket) => {
        socket.subscribe(TOPIC);
        while ((await socket.receive()) !== undefined);
      }),
      { maxBufferedBytes: 64 * 1024 ** 2 },
    );
    const { port } = await loop.listen({ port: 0, host: "127.0.0.1" });
    return { port };
  },
  async "eddy receiver"() {
    const receive = receiver();
    const socket = new WebSocket(`ws://127.0.0.1:${gateway}/`);
    socket.addEventListener("message", ({ data }) => receive(data)); // text, as a string
    await new Promise((resolve) => socket.once("open", resolve));
  },
};

const ofBroker = () => nats(`nats://127.0.0.1:${broker}`);

/** A message is when it was published, in nanoseconds of the machine's clock, and dots. */
const message = () => String(process.hrtime.bigint()).padEnd(BYTES, ".");

function publishes(publish) {
  const orders = {
    batch({ count }) {
      for (let i = 0; i < count; i++) publish(message());
    },
    /** So many a second, spread over its milliseconds. */
    steady({ perSecond, seconds }) {
      const started = performance.now();
      let sent = 0;
      const timer = setInterval(() => {
        const passed = Math.min(performance.now() - started, seconds * 1000);
        for (; sent < (passed * perSecond) / 1000; sent++) publish(message());
        if (passed < seconds * 1000) return;
        clearInterval(timer);
        process.send({ sent });
      }, 1);
    },
  };
  process.on("message", (order) => orders[order.type](order));
}

/** Tells each thousand messages; when asked, the latencies since the last time. */
function receiver() {
  let count = 0;
  let latencies = [];
  process.on("message", () => {
    const sorted = Float64Array.from(latencies).sort();
    const at = (part) => sorted[Math.floor(sorted.length * part)] ?? 0;
    process.send({ p50: at(0.5), p99: at(0.99) });
    latencies = [];
  });
  return (text) => {
    latencies.push(
      Number(
        process.hrtime.bigint() - BigInt(text.slice(0, text.indexOf("."))),
      ) / 1e6,
    );
    if (++count % 1000 === 0) process.send({ count });
  };
}

const ready = await roles[role]();
process.send({ ready: true, ...ready });
