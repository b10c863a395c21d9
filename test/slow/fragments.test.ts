/** On each kind of listener but a port, for which see test/wire. One engine is enough here. */
import { inFragments } from "../wire/fragments.ts";
import { LISTENERS } from "../wire/servers.ts";

for (const listener of LISTENERS)
  if (listener[0] === "uws" && listener[1] !== "a port") inFragments(listener);
