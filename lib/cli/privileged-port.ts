/** Ports that only root can open, for workers that are not root. */
import { readFileSync } from "node:fs";
import type { EngineChoice } from "../engine/listen-options.ts";
import type { Target } from "../engine/target.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import type { Identity } from "./identity.ts";

/**
 * The engine there: Node's, whose socket the supervisor opens before the workers give up their rights.
 *
 * @throws {CommandFailure} for uWebSockets.js, which opens its own in each worker.
 */
export function engineAt(
  target: Target,
  engine: EngineChoice,
  identity: Identity,
): EngineChoice {
  if (!isPrivileged(target, identity)) return engine;
  if (engine === "uws")
    throw closed(
      target,
      "by --engine uws, workers of --user",
      "each opens",
      "--engine node",
    );
  return "node";
}

/** @throws {CommandFailure} for a process that is that user by the time when it opens it. */
export function checkOpenable(target: Target, identity: Identity): void {
  if (isPrivileged(target, identity))
    throw closed(
      target,
      "by --workers 0, a process of --user",
      "it opens",
      "--workers 1",
    );
}

function isPrivileged(target: Target, { uid = 0 }: Identity): target is Port {
  if ("path" in target || uid === 0 || target.port === 0) return false;
  return target.port < firstForAll();
}

type Port = Extract<Target, { port: number }>;

const closed = (
  { port }: Port,
  who: string,
  why: string,
  instead: string,
): CommandFailure =>
  new CommandFailure(
    EXIT.usage,
    `http: ${who} cannot open port ${port}, as ${why} it by itself: ` +
      `give ${instead}, a higher port, or start as that user with the right to it ` +
      "(AmbientCapabilities=CAP_NET_BIND_SERVICE of systemd; setcap cap_net_bind_service=+ep for node)",
  );

/** ip(7); 1024 where there is no such file. */
function firstForAll(): number {
  try {
    const file = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    return Number(readFileSync(file, "utf8"));
  } catch {
    return 1024;
  }
}
