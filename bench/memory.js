/**
 * How much does the server's memory grow while 200 MB go through it and the other side is slow?
 * `node bench/memory.js`, after `npm run build`. Takes about three minutes.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { startServer, stopAll, usage } from "./children.js";
import { head } from "./machine.js";

const MB = 1024 * 1024;
const TOTAL = 200 * MB;
const READER_BYTES_PER_S = 5 * MB;

const cases = {
  "200 MB streamed to a reader at 5 MB/s": ["/", download],
  "200 MB sent at full speed to a handler that waits 20 ms a chunk": [
    "/",
    upload,
  ],
  "200 MB streamed from a thread to a reader at 5 MB/s": ["/thread", download],
  "200 MB sent at full speed to a thread that sleeps 20 ms after 256 KiB": [
    "/thread",
    upload,
  ],
};

try {
  console.log(`${head({ rounds: 1, seconds: 0, connections: 1 })}\n`);
  console.log(
    "| case | took s | resident before MB | highest MB | growth MB |",
  );
  console.log("| --- | --- | --- | --- | --- |");
  for (const [title, [path, run]] of Object.entries(cases)) {
    const server = await startServer("eddy-memory");
    await (
      await fetch(server.origin + path, { method: "POST", body: "warm up" })
    ).text();
    const before = (await usage(server)).rss / MB;
    const started = performance.now();
    await run(server.origin, path);
    const seconds = (performance.now() - started) / 1000;
    const highest = (await usage(server)).maxRSS / 1024;
    const row = [seconds, before, highest, highest - before].map((n) =>
      n.toFixed(1),
    );
    console.log(`| ${title} | ${row.join(" | ")} |`);
    await stopAll();
  }
} finally {
  await stopAll();
}

async function download(origin, path) {
  const socket = await ask(
    origin,
    `GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`,
  );
  const started = performance.now();
  let bytes = 0;
  for await (const chunk of socket) {
    bytes += chunk.length;
    const ahead =
      bytes / READER_BYTES_PER_S - (performance.now() - started) / 1000;
    if (ahead > 0.01) await delay(ahead * 1000);
    if (bytes >= TOTAL) return socket.destroy();
  }
  throw new Error(`the reply ended after ${bytes} bytes`);
}

async function upload(origin, path) {
  const socket = await ask(
    origin,
    `POST ${path} HTTP/1.1\r\nHost: bench\r\nContent-Length: ${TOTAL}\r\n\r\n`,
  );
  const closed = once(socket, "close").then(() => {
    throw new Error("the connection was closed before the reply");
  });
  closed.catch(() => {}); // after the reply it may be
  const next = (event) => Promise.race([once(socket, event), closed]);
  const chunk = Buffer.alloc(MB, "x");
  for (let sent = 0; sent < TOTAL; sent += chunk.length)
    if (!socket.write(chunk)) await next("drain");
  const [reply] = await next("data");
  if (!String(reply).endsWith(`\r\n\r\n${TOTAL}`))
    throw new Error(`the reply was ${reply}`);
  socket.destroy();
}

async function ask(origin, head) {
  const socket = connect({
    port: new URL(origin).port,
    host: "127.0.0.1",
    readableHighWaterMark: 64 * 1024,
  });
  await once(socket, "connect");
  socket.write(head);
  return socket;
}
