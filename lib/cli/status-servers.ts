/** The status by HTTP, where the settings say so. What it takes is loaded only then. */
import { call, type Operation } from "effection";
import type { Settings } from "./schema.ts";
import type { Sockets } from "./sockets.ts";
import type { Workers } from "./status.ts";

/** They end with the scope. @throws {CommandFailure} when one cannot listen where it should. */
export function* useStatusServers(
  settings: Settings,
  sockets: Sockets,
  pool: Workers,
): Operation<void> {
  for (const key of ["stats", "metrics"] as const) {
    if (settings[key] === "") continue;
    const { useStatusServer } = yield* call(() => import("./status-server.ts"));
    yield* useStatusServer(key, settings, sockets, pool);
  }
}
