/** Hono on srvx; `light`: with its own Response in place of the global one. */
import { FastResponse, serve } from "srvx/node";
import { app } from "./hono-app.js";
import { host, port, ready } from "./report.js";

if (process.argv[3] === "light") globalThis.Response = FastResponse;
await serve({ fetch: app.fetch, port, hostname: host, silent: true }).ready();
ready();
