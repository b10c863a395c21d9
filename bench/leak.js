/**
 * Is anything left behind by a million requests of every kind, some of whose clients leave?
 * `node bench/leak.js [requests]`, after `npm run build`. Takes about a minute.
 */
import { once } from "node:events";
import { connect } from "node:net";
import autocannon from "autocannon";
import { startServer, stopAll } from "./children.js";

const PATHS = [
  "/sync",
  "/async",
  "/tasks",
  "/guests",
  "/scope",
  "/stream",
  "/wsgi",
];
const ABORTS = 10_000;
const requests = Number(process.argv[2] ?? 1_000_000);

try {
  const { origin } = await startServer("eddy-leak");
  await load(origin, requests / 10); // caches fill, code is compiled
  const before = await state(origin);
  await load(origin, requests);
  const after = await state(origin);
  const growth = ((after.heap / before.heap - 1) * 100).toFixed(1);
  console.log(`requests ${requests}, clients that left ${ABORTS}`);
  console.log(`live ${before.live} -> ${after.live}`);
  console.log(`heap ${before.heap} -> ${after.heap} bytes (${growth}%)`);
} finally {
  await stopAll();
}

async function load(origin, amount) {
  for (const path of PATHS) {
    const url = origin + path;
    const result = await autocannon({
      url,
      connections: 64,
      amount: Math.round(amount / PATHS.length),
    });
    if (result.errors > 0 || result.non2xx > 0)
      throw new Error(`${path} failed`);
  }
  for (let left = ABORTS; left > 0; left -= 100)
    await Promise.all(Array.from({ length: 100 }, () => leave(origin)));
}

/** Asks for what never comes, and goes. */
async function leave(origin) {
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write("GET /parked HTTP/1.1\r\nHost: bench\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 2));
  socket.destroy();
}

/** When the last exchange has ended. */
async function state(origin) {
  for (;;) {
    const now = await (await fetch(`${origin}/state`)).json();
    if (now.live === 0) return now;
  }
}
