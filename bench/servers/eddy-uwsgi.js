/** `eddy-uwsgi <address>`: all is handed on to a server that speaks uwsgi. */
import { Loop } from "eddy";
import { uwsgi } from "eddy/adapters/uwsgi";
import { host, port, ready } from "./report.js";

const [, , , upstream] = process.argv;

await new Loop({ log: false, maxBodyBytes: 100 * 1024 * 1024 })
  .mount("/", uwsgi(upstream))
  .listen({ port, host });
ready();
