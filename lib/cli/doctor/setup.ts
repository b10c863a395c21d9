/** What settings mean for those who stand around an eddy: fronts, and whoever starts and stops it. */
import { commandLine, type Flags } from "../command-line.ts";
import { configure } from "../configure.ts";
import { parseHttpAddress } from "../http-address.ts";
import { KEYS, type Settings } from "../schema.ts";
import { DEFAULT, type Configuration } from "../settings.ts";
import { VERSION } from "../../status/versions.ts";
import type { Target } from "../../engine/target.ts";
import { seconds, type Setup } from "./finding.ts";

/** `idleTimeoutMs` of a loop; the command has no setting for it. */
export const IDLE_MS = 30_000;

/** Of a front that keeps connections which are idle. */
export const keepsTooLong = (front: string, ms: number): string | false =>
  ms >= IDLE_MS &&
  `${front} keeps idle connections for ${seconds(ms)}, eddy closes them after ${seconds(IDLE_MS)}: a request may meet the close`;

/** Of one that waits for a reply for `ms`, as `shown`. */
export const givesUpEarly = (
  front: string,
  ms: number,
  shown: string,
  { requestTimeout }: Settings,
): string | false =>
  requestTimeout !== Infinity &&
  ms < requestTimeout &&
  `${front} gives a request up after ${shown} with 504; eddy lets it run for ${seconds(requestTimeout)} (requestTimeout)`;

/** `teardownTimeoutMs` of a loop: a cleanup that is needed beside the requests. */
const CLEANUP_MS = 5000;

/** How long requests may take at the end, and one cleanup behind them. */
export const endMs = ({ settings }: Setup): number =>
  settings.readinessDelay + settings.drainTimeout + CLEANUP_MS;

export const setupOf = ({
  settings,
  resolved,
  warnings,
}: Configuration): Setup => ({
  settings,
  warnings,
  given: new Set(KEYS.filter((key) => resolved[key].source !== DEFAULT)),
});

/** Of a command line that stands in somebody else's file, with the variables there, and without any file of here. */
export async function setupBy(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Setup> {
  const { config: _, ...flags } = await flagsOf(words); // a file of another machine
  const { EDDY_CONFIG: __, ...variables } = env;
  return setupOf(await configure(flags, { env: variables, folders: [] }));
}

/** @throws {CommanderError} for what is none. */
export async function flagsOf(words: readonly string[]): Promise<Flags> {
  let given: Flags = {};
  const ignore = (): Promise<void> => Promise.resolve();
  await commandLine(VERSION, {
    async run(flags) {
      given = flags;
    },
    config: ignore,
    check: ignore,
    reload: ignore,
    top: ignore,
    profile: ignore,
    doctor: ignore,
    import: ignore,
  })
    .configureOutput({ writeErr: () => {}, writeOut: () => {} })
    .parseAsync(words, { from: "user" });
  return given;
}

/** Where it speaks HTTP. */
export const httpTargets = ({ settings }: Setup): Target[] =>
  settings.http.flatMap((entry) => parseHttpAddress(entry)?.target ?? []);

/** All that listens there is served by Node's own HTTP, which knows HTTP/1.0. */
export function servesHttp10({ settings }: Setup): boolean {
  if (settings.http2 || settings.fd !== "none") return true;
  const engines = settings.http.map(
    (entry) => parseHttpAddress(entry)?.engine ?? settings.engine,
  );
  return engines.every((engine) => engine === "node");
}
