/** On a port; the other kinds of listeners are in test/slow. */
import { onEachEngine } from "../../support/engines.ts";
import { lastReply } from "./last-reply.ts";

onEachEngine((engine) => lastReply(engine, "a port"));
