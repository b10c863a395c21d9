/**
 * npm run aborted [-- --count 100000 node python]: clients that leave, through each adapter of foreign applications.
 * Each application has to be told of the end of each request, once; no task may stay, and no memory. 2,000 requests
 * unless told otherwise, fewer where each needs a thread.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Loop } from "../../lib/index.ts";
import { ENGINES } from "../../test/support/engines.ts";
import { LEFT } from "./left/applications.ts";
import { Told } from "./left/told.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const MOST_CLIENTS = 50;
const { values, positionals: chosen } = parseArgs({
  options: { count: { type: "string", default: "2000" } },
  allowPositionals: true,
});
const count = Number(values.count);
if (!(count >= MOST_CLIENTS))
  throw new Error(`--count takes a number from ${MOST_CLIENTS} up`);
for (const name of chosen)
  if (!(name in LEFT))
    throw new Error(
      `no adapter ${name}; there are ${Object.keys(LEFT).join(", ")}`,
    );

const told = new Told();

let asked = 0;

/** Asks, and leaves when the application has it. */
async function leave(port: number, path: string): Promise<void> {
  const number = ++asked;
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  await once(socket, "connect");
  const seen = told.untilAsked(number);
  socket.write(`GET ${path}?${number} HTTP/1.1\r\nHost: test\r\n\r\n`);
  await seen;
  socket.destroy();
}

async function leaveOften(
  port: number,
  times: number,
  clients: number,
): Promise<void> {
  let left = times;
  const client = async (): Promise<void> => {
    while (left-- > 0) await leave(port, left % 2 === 0 ? "/" : "/stream");
  };
  await Promise.all(Array.from({ length: clients }, client));
}

async function untilOver(loop: Loop): Promise<void> {
  while (loop.tasks().exchanges.length > 0 || told.closes < told.requests)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** More bytes of a request than this are a leak, where there were enough to say so. */
const LEAK_BYTES = 64;
const ENOUGH = 20_000;

for (const [name, make] of Object.entries(LEFT)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  for (const { name: engine, options } of ENGINES) {
    told.reset();
    const { application, clients, share, close } = await make(told);
    const times = Math.ceil(count * share);
    const loop = new Loop({ log: false }).mount(application);
    const { port } = await loop.listen({
      port: 0,
      host: "127.0.0.1",
      ...options,
    });
    await leaveOften(port!, Math.min(times, 1000), clients); // V8 compiles, and caches fill
    await untilOver(loop);
    const before = heap();
    await leaveOften(port!, times, clients);
    await untilOver(loop); // for ever, where one is not told
    const grown = (heap() - before) / times;
    const { abort } = loop.tally;
    const live = loop.tasks().exchanges.length;
    await loop.stop();
    close?.();
    console.log(
      `${name} on ${engine}: ${told.requests} requests, ${told.closes} closes, ${abort} aborts, ` +
        `${live} live, ${grown.toFixed(1)} bytes of heap a request`,
    );
    const isWrong =
      told.closes !== told.requests ||
      abort !== told.requests ||
      live > 0 ||
      (times >= ENOUGH && grown > LEAK_BYTES);
    if (isWrong) process.exitCode = 1;
  }
}
