/** `eddy-thread [threads]`: the application of eddy-wsgi.js, in threads. */
import { Loop } from "eddy";
import { wsgi } from "eddy/adapters/wsgi";
import { host, port, ready } from "./report.js";

const module = new URL("apps/hello.js", import.meta.url);
const threads = Number(process.argv[3] ?? 4);

await new Loop({ log: false })
  .mount(wsgi({ module, threads }))
  .listen({ port, host });
ready();
