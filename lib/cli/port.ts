/** The port that the workers will share. */
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { call, type Operation } from "effection";
import {
  formatTarget,
  NODE_CAN_SHARE,
  parseTarget,
  type Target,
} from "../engine/target.ts";
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
  if (isAlone(settings)) checkAlone(settings);
  if ("path" in target) return settings;
  const port = yield* call(() => tryPort(target));
  return { ...settings, http: formatTarget({ ...target, port }) };
}

/** Nothing that could be shared: one worker starts when the one before has ended. */
export function isAlone({ http, http2, engine }: Settings): boolean {
  if (http.startsWith("unix:")) return true;
  return (engine === "node" || http2) && !NODE_CAN_SHARE;
}

function checkAlone({ workers, http }: Settings): void {
  if (workers === 1) return;
  throw new CommandFailure(
    EXIT.usage,
    http.startsWith("unix:")
      ? `${workers} workers cannot share the Unix socket of --http: give --workers 1, or an address with a port`
      : `${workers} workers cannot share a port by --engine node, or with --http2, before Node.js 22.12: give --workers 1, or take a newer one`,
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
