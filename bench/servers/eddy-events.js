/** Streams of events, one event a second each. SIGUSR2 collects garbage. */
import { events, Loop } from "eddy";
import { sleep } from "eddy/operations";
import { collectOnSignal } from "./collect.js";
import { host, port, ready } from "./report.js";

function* tick(out) {
  for (let n = 0; ; n++) {
    yield* out.send({ id: n, event: "tick", data: { n } });
    yield* sleep(1000);
  }
}

collectOnSignal();
await new Loop({ log: false, maxConcurrentRequests: Infinity })
  .get("/", () => events(tick))
  .listen({ port, host });
ready();
