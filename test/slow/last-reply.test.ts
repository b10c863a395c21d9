/** With TLS and on a Unix socket; for a port see test/lib/engine. */
import { lastReply } from "../lib/engine/last-reply.ts";
import { onEachEngine } from "../support/engines.ts";

onEachEngine((engine) => {
  lastReply(engine, "a port with TLS");
  lastReply(engine, "a Unix socket");
});
