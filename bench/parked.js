/**
 * What does a request cost that waits? Heap of 50,000 parked handlers, each kind beside an async function that waits
 * for the same. `node bench/parked.js`, after `npm run build`. Takes half a minute.
 */
import { fork as forkProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as effection from "effection";
import * as operations from "../dist/lib/operations.js"; // the same copy as below
import { attach, fork } from "../dist/lib/kernel/fork.js";

const COUNT = 50_000;
const WAIT_MS = 3_600_000;

const delay = () => new Promise((resolve) => setTimeout(resolve, WAIT_MS));
const never = () => new Promise(() => {});
const { scope } = attach(undefined, { onError() {} });

/** Each is called COUNT times; what it gives is kept. */
const kinds = {
  "async, never": asynchronous(never),
  "async, sleep": asynchronous(delay),
  "suspend(), operations": forked(() => operations.suspend()),
  "suspend(), effection": forked(() => effection.suspend()),
  "sleep(), operations": forked(() => operations.sleep(WAIT_MS)),
  "sleep(), effection": forked(() => effection.sleep(WAIT_MS)),
  "suspend(), effection's own task": stock(() => effection.suspend()),
  "sleep(), effection's own task": stock(() => effection.sleep(WAIT_MS)),
};

if (process.send) {
  process.once("message", async (kind) => {
    process.send(await measure(kinds[kind]));
    process.exit();
  });
} else await report();

async function report() {
  console.log("| parked in | heap bytes | beyond async |");
  console.log("| --- | ---: | ---: |");
  const bytes = {};
  for (const kind of Object.keys(kinds)) {
    bytes[kind] = await measureAlone(kind);
    const peer = kind.includes("sleep") ? "async, sleep" : "async, never";
    console.log(`| ${kind} | ${bytes[kind]} | ${bytes[kind] - bytes[peer]} |`);
  }
}

/** In a process of its own, where nothing was parked before. */
async function measureAlone(kind) {
  const child = forkProcess(fileURLToPath(import.meta.url));
  child.send(kind);
  const [bytes] = await once(child, "message");
  return bytes;
}

async function measure(park) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  const kept = Array.from({ length: COUNT });
  for (let i = 0; i < 1000; i++) park(); // compiled, before it counts
  const before = await heap(collect);
  for (let i = 0; i < COUNT; i++) kept[i] = park();
  const bytes = ((await heap(collect)) - before) / kept.length;
  return Math.round(bytes);
}

async function heap(collect) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  collect();
  return process.memoryUsage().heapUsed;
}

function asynchronous(wait) {
  async function handler() {
    await wait();
    return "done";
  }
  return () => {
    const promise = handler();
    void promise.then(() => {});
    return promise;
  };
}

function forked(wait) {
  function* handler() {
    yield* wait();
    return "done";
  }
  return () => {
    const operation = handler();
    return fork(
      scope,
      () => operation,
      () => {},
    );
  };
}

function stock(wait) {
  function* handler() {
    yield* wait();
    return "done";
  }
  return () => effection.run(handler);
}
