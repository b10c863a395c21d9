/** Opens an address of a loop: which engine speaks there, and what it has in common with the others. */
import { UsageError } from "../common/errors.ts";
import type { Logger } from "../common/log.ts";
import type { Listener, Serve } from "../engine/engine.ts";
import type { Engines } from "../engine/engines.ts";
import { Entrance } from "../engine/entrance.ts";
import { keepFreedMemory } from "../engine/freed-memory.ts";
import { needsNode, type ListenOptions } from "../engine/listen-options.ts";
import type { SocketPlace } from "../engine/socket.ts";
import type { Visits } from "../engine/visits.ts";
import { openUwsgiListener } from "../uwsgi/listener.ts";
import type { Settings } from "./options.ts";

/** What the addresses of a loop have in common. */
interface Opening {
  readonly serve: Serve;
  readonly settings: Settings;
  readonly engines: Engines;
  readonly visits: Visits;
  readonly log: Logger;
  readonly sockets: readonly SocketPlace[];
}

/** @throws {ListenError | UsageError | EngineError} */
export async function openListener(
  { uwsgi, engine, ...target }: ListenOptions,
  { serve, settings, engines, visits, log, sockets }: Opening,
): Promise<Listener> {
  keepFreedMemory();
  if (uwsgi !== undefined) {
    const { halfOpen = false, ...others } = target;
    if (Object.values({ engine, ...others }).some((it) => it !== undefined))
      throw new UsageError(
        "listen({ uwsgi }) takes halfOpen, and nothing else",
      );
    if (sockets.length > 0)
      log.warn(
        "uwsgi cannot carry WebSockets: by a front server that speaks it, those who ask for one are answered 426",
      );
    return await openUwsgiListener(uwsgi, serve, settings, halfOpen, log);
  }
  const choice = engine ?? settings.engine;
  const speaks = await engines.load(
    choice === "auto" && needsNode(target) ? "node" : choice,
  );
  const entrance = new Entrance(target.tls ? "https" : "http", visits);
  const limits = { ...settings, sockets };
  return await speaks.listen(target, serve, limits, entrance);
}
