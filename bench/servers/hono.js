import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { host, port, ready } from "./report.js";

const app = new Hono();
app.get("/*", (c) => c.text("Hello, World!"));
serve({ fetch: app.fetch, port, hostname: host }, ready);
