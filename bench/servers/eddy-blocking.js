/** `eddy-blocking <threads>`: applications that block, in so many threads, and an async handler beside them. */
import { Loop } from "eddy";
import { wsgi } from "eddy/adapters/wsgi";
import { host, port, ready } from "./report.js";

const app = wsgi({
  module: new URL("apps/blocking.js", import.meta.url),
  threads: Number(process.argv[3] ?? 32),
  maxQueuedRequests: 10_000,
  provide: { nothing: () => {}, forever: () => new Promise(() => {}) },
});

await new Loop({ log: false })
  .mount("/blocking", app)
  .get("/async", async () => "Hello, World!")
  .listen({ port, host });
ready();
