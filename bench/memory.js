/**
 * How much does the server's memory grow while 200 MB go through it and the other side is slow?
 * `node bench/memory.js [engine]`, after `npm run build`. Takes about three minutes for each engine, ten by HTTP/2,
 * whose chunks are smaller.
 */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { startServer, stopAll, usage } from "./children.js";
import { head } from "./machine.js";

const MB = 1024 * 1024;
const TOTAL = 200 * MB;
const READER_BYTES_PER_S = 5 * MB;

/** What clients reach the server by, as options of `listen()`. */
const ENGINES = {
  uws: { engine: "uws" },
  node: { engine: "node" },
  "node, HTTP/2": { http2: true },
};

const cases = {
  "200 MB streamed to a reader at 5 MB/s": ["/", "download"],
  "200 MB sent at full speed to a handler that waits 20 ms a chunk": [
    "/",
    "upload",
  ],
  "200 MB streamed from a thread to a reader at 5 MB/s": [
    "/thread",
    "download",
  ],
  "200 MB sent at full speed to a thread that sleeps 20 ms after 256 KiB": [
    "/thread",
    "upload",
  ],
};

async function measure(engine, options, title, path, how) {
  const server = await startServer(`eddy-memory ${JSON.stringify(options)}`);
  const ways = options.http2 ? http2Ways : http1Ways;
  await ways.ask(server.origin, path);
  const before = (await usage(server)).rss / MB;
  const started = performance.now();
  await ways[how](server.origin, path);
  const seconds = (performance.now() - started) / 1000;
  const highest = (await usage(server)).maxRSS / 1024;
  await stopAll();
  const row = [seconds, before, highest, highest - before];
  return `| ${engine} | ${title} | ${row.map((n) => n.toFixed(1)).join(" | ")} |`;
}

/** Takes the pieces at the reader's pace, until they are enough. */
async function read(pieces) {
  const started = performance.now();
  let bytes = 0;
  for await (const chunk of pieces) {
    bytes += chunk.length;
    const ahead =
      bytes / READER_BYTES_PER_S - (performance.now() - started) / 1000;
    if (ahead > 0.01) await delay(ahead * 1000);
    if (bytes >= TOTAL) return;
  }
  throw new Error(`the reply ended after ${bytes} bytes`);
}

async function download(origin, path) {
  const socket = await begin(
    origin,
    `GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`,
  );
  await read(socket);
  socket.destroy();
}

async function upload(origin, path) {
  const socket = await begin(
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

async function begin(origin, head) {
  const socket = connect({
    port: new URL(origin).port,
    host: "127.0.0.1",
    readableHighWaterMark: 64 * 1024,
  });
  await once(socket, "connect");
  socket.write(head);
  return socket;
}

const http1Ways = {
  ask: async (origin, path) => {
    const body = "warm up";
    await (await fetch(origin + path, { method: "POST", body })).text();
  },
  download,
  upload,
};

const http2Ways = {
  ask: (origin, path) => askHttp2(origin, path, ["warm up"]),
  async download(origin, path) {
    const session = connectHttp2(origin);
    await read(session.request({ ":path": path }));
    session.destroy();
  },
  async upload(origin, path) {
    const chunk = Buffer.alloc(MB, "x");
    const chunks = Array.from({ length: TOTAL / MB }, () => chunk);
    const reply = await askHttp2(origin, path, chunks);
    if (reply !== String(TOTAL)) throw new Error(`the reply was ${reply}`);
  },
};

async function askHttp2(origin, path, body) {
  const session = connectHttp2(origin);
  const asked = session.request({ ":method": "POST", ":path": path });
  await pipeline(body, asked);
  const reply = await text(asked);
  session.destroy();
  return reply;
}

const [only] = process.argv.slice(2);

try {
  console.log(`${head({ rounds: 1, seconds: 0, connections: 1 })}\n`);
  console.log(
    "| engine | case | took s | resident before MB | highest MB | growth MB |",
  );
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const [engine, options] of Object.entries(ENGINES))
    if (only === undefined || only === engine)
      for (const [title, [path, how]] of Object.entries(cases))
        console.log(await measure(engine, options, title, path, how));
} finally {
  await stopAll();
}
