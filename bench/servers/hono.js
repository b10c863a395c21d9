import { serve } from "@hono/node-server";
import { app } from "./hono-app.js";
import { host, port, ready } from "./report.js";

serve({ fetch: app.fetch, port, hostname: host }, ready);
