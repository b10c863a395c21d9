/** SIGHUP: the settings are read anew, and the workers replaced by what they say now. */
import { isDeepStrictEqual } from "node:util";
import { call, type Operation } from "effection";
import { configureThere } from "./configure.ts";
import { CommandFailure } from "./failure.ts";
import { importAnew } from "./import-anew.ts";
import type { Logs } from "./logs.ts";
import type { ProcessPool } from "./process-pool.ts";
import { releaseOf } from "./release.ts";
import { KEYS, type Key } from "./schema.ts";
import type { Configuration } from "./settings.ts";
import type { Start } from "./start.ts";
import { lookAtCertificates } from "./tls.ts";
import { installedVersion, VERSION } from "../status/versions.ts";

/** What the supervisor has done by these when it started: it stays so until another takes its place. */
const OF_THE_START: ReadonlySet<Key> = new Set([
  "takeListen",
  "secretKey",
  "http",
  "fd",
  "uwsgi",
  "engine",
  "http2",
  "tlsKey",
  "tlsCert",
  "tlsPassphrase",
  "tlsPassphraseFile",
  "tlsCiphers",
  "tlsMinVersion",
  "tlsVerifyClient",
  "tlsCa",
  "pid",
  "user",
  "group",
  "umask",
  "logLevel",
  "logFormat",
  "accessLog",
  "errorLog",
  "redact",
  "reload",
  "stats",
  "statsPassword",
  "statsHosts",
  "metrics",
]);

/** How a supervisor reads its settings again. */
export interface Rereading {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly start: Start;
  /** Those that hold. */
  readonly before: Configuration;
  readonly log: Logs["log"];
}

/**
 * Replaces the workers one by one.
 *
 * @param variables of the workers' environment that stay as they are.
 * @returns why not all of them are new; the log has said it.
 */
export function* reload(
  rereading: Rereading,
  variables: NodeJS.ProcessEnv,
  pool: ProcessPool,
): Operation<string | undefined> {
  const { log } = rereading;
  const folder = currentFolder();
  try {
    const next = yield* call(() => reread(rereading));
    if (lookAtCertificates(next.settings, log)) {
      nameOtherVersion(log);
      return yield* pool.reload(releaseOf(next, variables));
    }
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    log.error(error.message);
  }
  if (folder !== undefined) process.chdir(folder);
  const failure = "the reload ends here; the workers there are go on";
  log.error(failure);
  return failure;
}

/** In the folder where the command was started, by the name that it had then: a link in it may lead elsewhere now. */
async function reread({
  flags,
  start,
  before,
  log,
}: Rereading): Promise<Configuration> {
  enter(start.folder);
  const now = await configureThere(flags, (path) =>
    importAnew(path, before.settings.startTimeout),
  );
  for (const warning of now.warnings) log.warn(warning);
  const changed = KEYS.filter(
    (key) =>
      OF_THE_START.has(key) &&
      !isDeepStrictEqual(now.settings[key], before.settings[key]),
  );
  if (changed.length > 0)
    log.warn(
      `${changed.join(", ")} changed: that takes a restart, or SIGUSR2; the reload goes on without`,
    );
  const kept = KEYS.filter((key) => OF_THE_START.has(key));
  return {
    ...now,
    settings: { ...now.settings, ...only(kept, before.settings) },
    resolved: { ...now.resolved, ...only(kept, before.resolved) },
  };
}

function enter(folder: string): void {
  try {
    process.chdir(folder);
  } catch (cause) {
    throw new CommandFailure(
      1,
      `cannot go to ${folder}, where the command was started: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Undefined when it is gone. */
function currentFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

const only = <T extends object>(keys: readonly (keyof T)[], values: T): T =>
  Object.fromEntries(keys.map((key) => [key, values[key]])) as T;

/** Workers are started by the files there are now, and the supervisor is what it was. */
function nameOtherVersion(log: Logs["log"]): void {
  const installed = installedVersion();
  if (installed !== undefined && installed !== VERSION)
    log.warn(
      `eddy ${installed} is installed, and this supervisor is eddy ${VERSION}: SIGUSR2 or a restart takes the other one`,
    );
}
