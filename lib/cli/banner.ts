/** What is said when it serves: where it listens, what is mounted, who runs. */
import type { AppSpec } from "./app-spec.ts";
import type { Logs } from "./logs.ts";
import type { Pool } from "./pool.ts";
import { VERSIONS } from "./versions.ts";

export function announce(
  { log }: Logs,
  specs: readonly AppSpec[],
  pool: Pool,
): void {
  const { addresses } = pool.ready[0]!;
  log.info(
    {
      address: addresses[0],
      mounts: Object.fromEntries(
        specs.map(({ prefix, written }) => [prefix, written]),
      ),
      workers: pool.ready.map(({ pid }) => pid),
      versions: VERSIONS,
    },
    `${specs.map(({ written }) => written).join(", ")} on ${addresses.map(({ url }) => url).join(" and ")}; ${pool.ready.length} ${pool.ready.length === 1 ? "worker" : "workers"}, kill -HUP ${process.pid} reloads`,
  );
}
