/** On a port of each engine; the other kinds of listeners are in test/slow. */
import { inFragments } from "../wire/fragments.ts";
import { LISTENERS } from "../wire/servers.ts";

for (const listener of LISTENERS)
  if (listener[1] === "a port") inFragments(listener);
