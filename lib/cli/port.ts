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
 * Takes the port for a moment: workers that share a port would share it with anybody who does, too, and never learn that
 * it was taken. Gives the settings with a real port in place of 0.
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
  if ("path" in target) return alone(settings);
  const port = yield* call(() => tryPort(target));
  return { ...settings, http: formatTarget({ ...target, port }) };
}

/** Whoever listens there has it for itself. */
function alone(settings: Settings): Settings {
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
