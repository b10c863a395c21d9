/** One handler of each kind, and `/state`: what is alive after a collection. For leak.js. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as effection from "effection";
import { json, Loop, stream } from "eddy";
import { wsgi } from "eddy/adapters/wsgi";
import { all, race, sleep, spawn, suspend } from "eddy/operations";
import { host, port, ready } from "./report.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

function* child() {
  return "child";
}

function* tasks() {
  const task = yield* spawn(child);
  yield* all([child(), child()]);
  yield* race([sleep(1000), child()]);
  return yield* task;
}

/** With effection's own operations, which make effection's own tasks. */
function* guests() {
  yield* effection.ensure(child);
  yield* effection.race([effection.suspend(), child()]);
  return yield* effection.resource(function* (provide) {
    yield* provide("child");
  });
}

function* parked() {
  yield* spawn(suspend);
  yield* suspend();
}

const loop = new Loop({ log: false });
await loop
  .get("/sync", () => "Hello")
  .get("/async", async (request) => (request.signal.aborted ? "" : "Hello"))
  .get("/tasks", tasks)
  .get("/guests", guests)
  .get("/scope", async (request) => request.scope.run(child))
  .get("/stream", () => stream(["a", "b"]))
  .get("/parked", parked)
  .mount(
    "/wsgi",
    wsgi((_, startResponse) => {
      startResponse("200 OK", [["content-type", "text/plain"]]);
      return ["Hello"];
    }),
  )
  .get("/state", () => {
    collect();
    const heap = process.memoryUsage().heapUsed;
    return json({ heap, live: loop.tasks().exchanges.length - 1 }); // this one
  })
  .listen({ port, host });
ready();
