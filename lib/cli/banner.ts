/** The line that says that the command serves: where it listens, what is mounted, which workers run. */
import type { Address } from "../index.ts";
import type { AppSpec } from "./app-spec.ts";
import { counted } from "../common/counted.ts";
import type { Logs } from "./logs.ts";
import { isLoopback } from "./host-and-port.ts";
import { PREFIXED } from "./prefixed.ts";
import { VERSIONS } from "../status/versions.ts";
import type { Workers } from "./status.ts";

export function announce(
  { log }: Logs,
  specs: readonly AppSpec[],
  folders: readonly string[],
  pool: Workers,
): void {
  const { addresses } = pool.ready[0]!;
  const apps = [...specs.map(({ written }) => written), ...folders].join(", ");
  const places = addresses.map(placeOf).join(" and ");
  log.info(
    {
      address: addresses[0],
      mounts: Object.fromEntries([
        ...specs.map(({ prefix, written }) => [prefix, written]),
        ...folders.map((entry) => PREFIXED.exec(entry)!.slice(1)),
      ]),
      workers: pool.ready.map(({ pid }) => pid),
      versions: VERSIONS,
    },
    `${apps} on ${places}; ${served(pool)}`,
  );
}

function served({ ready }: Workers): string {
  return ready[0]!.pid === process.pid
    ? "this process serves, without workers"
    : `${counted(ready.length, "worker")}, kill -HUP ${process.pid} reloads`;
}

/** With who can reach it, which its URL does not say. */
function placeOf({ url, port, host = "" }: Address): string {
  if (port === undefined) return url;
  if (EVERY.includes(host)) return `${url} (all addresses of this machine)`;
  return isLoopback(host) ? `${url} (this machine alone)` : url;
}

const EVERY = ["", "0.0.0.0", "::"];
