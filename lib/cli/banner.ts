/** The line that says that the command serves: where it listens, what is mounted, which workers run. */
import type { AppSpec } from "./app-spec.ts";
import type { Logs } from "./logs.ts";
import type { ProcessPool } from "./process-pool.ts";
import { VERSIONS } from "./versions.ts";

export function announce(
  { log }: Logs,
  specs: readonly AppSpec[],
  pool: ProcessPool,
): void {
  const { addresses } = pool.ready[0]!;
  const count = pool.ready.length;
  const apps = specs.map(({ written }) => written).join(", ");
  const urls = addresses.map(({ url }) => url).join(" and ");
  log.info(
    {
      address: addresses[0],
      mounts: Object.fromEntries(
        specs.map(({ prefix, written }) => [prefix, written]),
      ),
      workers: pool.ready.map(({ pid }) => pid),
      versions: VERSIONS,
    },
    `${apps} on ${urls}; ${count} ${count === 1 ? "worker" : "workers"}, kill -HUP ${process.pid} reloads`,
  );
}
