/**
 * Clients of WebSockets, a process: `socket-load.js PORT ACTION …`, which prints what it saw as JSON.
 *
 *     echo CONNECTIONS IN_FLIGHT SECONDS   texts of 64 bytes, each answered by the next one
 *     listen CONNECTIONS                   counts bytes, tells each whole count, until it is told to stop
 *     time CONNECTIONS SLOW                how late messages come at those that read, while others do not
 *     idle CONNECTIONS                     until it is told to stop
 */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const [port, action, ...args] = process.argv.slice(2);

const HANDSHAKE = [
  "GET / HTTP/1.1",
  "Host: bench",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  "",
].join("\r\n");

/** A text of 64 bytes, masked; the answer has no mask. */
const MASK = [1, 2, 3, 4];
const FRAME = Buffer.from([
  0x81,
  0x80 | 64,
  ...MASK,
  ...Array.from({ length: 64 }, (_, i) => 0x78 ^ MASK[i % 4]),
]);
const ANSWER_BYTES = 66;
/** See servers/eddy-topic.js. */
const FRAME_OF_TIME = 20_004;

async function open() {
  const socket = connect({
    port: Number(port),
    host: "127.0.0.1",
    noDelay: true,
  });
  await once(socket, "connect");
  socket.write(HANDSHAKE);
  const [head] = await once(socket, "data");
  if (!head.toString().startsWith("HTTP/1.1 101"))
    throw new Error(head.toString());
  return socket;
}

async function openAll(count) {
  const sockets = [];
  while (sockets.length < count) {
    const batch = Math.min(100, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, open))));
  }
  return sockets;
}

const actions = {
  async echo(connections, inFlight, seconds) {
    let messages = 0;
    let running = true;
    const packet = Buffer.concat(Array.from({ length: inFlight }, () => FRAME));
    for (const socket of await openAll(connections)) {
      let bytes = 0;
      socket.on("data", (data) => {
        bytes += data.length;
        if (bytes < ANSWER_BYTES * inFlight) return;
        bytes -= ANSWER_BYTES * inFlight;
        messages += inFlight;
        if (running) socket.write(packet);
      });
      socket.write(packet);
    }
    await delay(200); // warm
    process.send({ messages });
    const before = messages;
    await delay(seconds * 1000);
    process.send({ messages: messages - before });
    running = false;
  },
  async listen(connections) {
    let bytes = 0;
    for (const socket of await openAll(connections))
      socket.on("data", (data) => (bytes += data.length));
    process.send({ ready: true });
    process.on("message", async ({ messages }) => {
      while (bytes < messages * ANSWER_BYTES) await delay(1);
      bytes -= messages * ANSWER_BYTES;
      process.send({ arrived: true });
    });
  },
  /** Of so many, some that read nothing; the others say how late the server's time is. */
  async time(connections, slow) {
    const late = [];
    const sockets = await openAll(connections);
    for (const socket of sockets.slice(0, slow)) socket.pause();
    for (const socket of sockets.slice(slow)) {
      let left = 0; // of the message that has begun
      socket.on("data", (data) => {
        for (let at = 0; at < data.length;) {
          if (left === 0) {
            const sent = data.toString("latin1", at + 4, at + 30).trim();
            late.push(Number(process.hrtime.bigint() - BigInt(sent)) / 1e6);
            left = FRAME_OF_TIME;
          }
          const taken = Math.min(left, data.length - at);
          left -= taken;
          at += taken;
        }
      });
    }
    process.send({ ready: true });
    process.on("message", () => {
      late.sort((a, b) => a - b);
      const p = (share) => late[Math.floor(late.length * share)];
      process.send({ p50: p(0.5), p99: p(0.99), count: late.length });
    });
  },
  async idle(connections) {
    await openAll(connections);
    process.send({ ready: true });
  },
};

process.on("disconnect", () => process.exit());
await actions[action](...args.map(Number));
