/** Hono by fetch(); `light`: with the light Response. */
import { Loop } from "eddy";
import { fetch } from "eddy/adapters/fetch";
import { app } from "./hono-app.js";
import { host, port, ready } from "./report.js";

const lightResponse = process.argv[3] === "light";
await new Loop({ log: false })
  .mount(fetch(app, { lightResponse }))
  .listen({ port, host });
ready();
