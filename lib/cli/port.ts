/** The port that the workers will share. */
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { call, type Operation } from "effection";
import { formatTarget, parseTarget, type Target } from "../engine/target.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { listenFor } from "./listen.ts";
import type { Settings } from "./schema.ts";

/**
 * Listens on the port for a moment, and gives the settings with a real port in place of 0. Workers share their port, so
 * they would share it with another program that does, too, instead of failing.
 *
 * @throws {CommandFailure} saying what is in the way.
 */
export function* choosePort(settings: Settings): Operation<Settings> {
  const { http, uwsgi } = settings;
  if (http === "none" && uwsgi === "")
    throw new CommandFailure(
      EXIT.usage,
      "there is nowhere to listen: give an address by --http or --uwsgi",
    );
  const target = parseTarget(http);
  if (target === undefined) return settings;
  if ("path" in target) return checkAlone(settings);
  const port = yield* call(() => tryPort(target));
  return { ...settings, http: formatTarget({ ...target, port }) };
}

/** A Unix socket cannot be shared. */
function checkAlone(settings: Settings): Settings {
  if (settings.workers === 1) return settings;
  throw new CommandFailure(
    EXIT.usage,
    `${settings.workers} workers cannot share the Unix socket of --http: give --workers 1, or an address with a port`,
  );
}

async function tryPort(target: Target): Promise<number> {
  const probe = createServer();
  await listenFor("http", probe, target);
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
