/** `eddy doctor`: looks at files that somebody names, or at this machine, the settings here, and the eddy that runs. */
import { basename } from "node:path";
import type { Flags } from "../command-line.ts";
import { configureThere } from "../configure.ts";
import { counted } from "../../common/counted.ts";
import { CommandFailure, EXIT } from "../failure.ts";
import { FirstWorker } from "../first-worker.ts";
import { forkWorker } from "../worker-fork.ts";
import { resolveSettings } from "../settings.ts";
import { ask } from "../top.ts";
import { lookAtTls } from "./certificates.ts";
import { settingsFinding, unknownIn } from "./command.ts";
import { isCompose, lookAtCompose } from "./compose.ts";
import { isDockerfile, lookAtDockerfile } from "./dockerfile.ts";
import { allOf, look, type Finding, type Look, type Setup } from "./finding.ts";
import { lookAtHaproxy } from "./haproxy.ts";
import { isHaproxy } from "./haproxy-ways.ts";
import { isManifest, lookAtManifests } from "./kubernetes.ts";
import { lookAtMachine } from "./machine.ts";
import { lookAtNginx } from "./nginx.ts";
import { isNginx } from "./nginx-syntax.ts";
import { isPem, lookAtPem } from "./pem.ts";
import { lookAtStatus } from "./running.ts";
import { SETTINGS_CHECKS } from "./settings.ts";
import { setupOf } from "./setup.ts";
import { isUnit, lookAtUnits } from "./systemd.ts";
import { CONFIG, sourcesOf, type Source } from "./text.ts";
import { isUpstart, lookAtUpstart } from "./upstart.ts";

/** What came of it. */
export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** What could not be seen, and why. */
  readonly notes: readonly string[];
  /** Files and folders that somebody has named, and that have nothing of eddy, as far as the doctor can tell. */
  readonly missed: readonly string[];
}

interface Kind {
  readonly is: (source: Source) => boolean;
  /** At all files of that kind together. */
  readonly look: (
    sources: readonly Source[],
    setup: Setup,
  ) => Look | Promise<Look>;
}

/** A kind of files that each stand for themselves. */
const each =
  (lookAt: (source: Source) => Promise<Finding[] | undefined>): Kind["look"] =>
  async (sources) =>
    allOf(
      await Promise.all(
        sources.map(async (source) => {
          const findings = await lookAt(source);
          const known = findings === undefined ? [] : [source.file];
          return { findings: findings ?? [], known, notes: [] };
        }),
      ),
    );

/** The first that fits. */
const KINDS: readonly Kind[] = [
  { is: isPem, look: lookAtPem },
  { is: isUnit, look: lookAtUnits },
  { is: isManifest, look: lookAtManifests },
  { is: isCompose, look: lookAtCompose },
  { is: isDockerfile, look: each(lookAtDockerfile) },
  { is: isUpstart, look: each(lookAtUpstart) },
  { is: isHaproxy, look: lookAtHaproxy },
  { is: isNginx, look: lookAtNginx },
];

/**
 * Looks at `files` and folders, and where none is named at everything here. The settings are those of `flags`,
 * variables and config files, or of a config file among `files`.
 *
 * @throws {CommandFailure} for a file that cannot be read.
 */
export async function examine(
  flags: Flags,
  files: readonly string[],
): Promise<Diagnosis> {
  const given = files.map((path) => ({ path, sources: sourcesOf(path) }));
  const sources = given.flatMap((one) => one.sources);
  const [config, ...others] = sources
    .map(({ file }) => file)
    .filter((file) => CONFIG.test(basename(file)));
  const here = await setupHere(
    config === undefined ? flags : { ...flags, config },
  );
  const around = sources.filter(({ file }) => !CONFIG.test(basename(file)));
  const seen = await lookAtAll(around, here.setup);
  const findings = [...here.findings, ...seen.findings];
  const notes = [
    ...seen.notes,
    ...others.map((file) => `${file}: the settings are those of ${config}`),
  ];
  if (files.length === 0) {
    const worker = new FirstWorker(forkWorker({}));
    const fault = await worker.faultOfUws;
    worker.end();
    findings.push(...lookAtMachine(here.setup, fault));
    findings.push(...(await lookAtRunning(here.setup, notes)));
  }
  const known = new Set([...seen.known, config, ...others]);
  const missed = given
    .filter((one) => !one.sources.some(({ file }) => known.has(file)))
    .map(({ path }) => path);
  return { findings, notes, missed };
}

async function lookAtAll(
  sources: readonly Source[],
  setup: Setup,
): Promise<Look> {
  const kindOf = (source: Source): Kind | undefined =>
    KINDS.find(({ is }) => is(source));
  const looks = KINDS.map(async (kind) => {
    const its = sources.filter((source) => kindOf(source) === kind);
    return await kind.look(its, setup);
  });
  return allOf(await Promise.all(looks));
}

/** The settings, and what is wrong with them. Those that do not hold together are the defaults. */
async function setupHere(
  flags: Flags,
): Promise<{ setup: Setup; findings: Finding[] }> {
  try {
    const setup = setupOf(await configureThere(flags));
    return {
      setup,
      findings: [
        ...look("settings", { setup, isDeployed: false }, SETTINGS_CHECKS),
        ...unknownIn("settings", setup),
        ...lookAtTls(setup),
      ],
    };
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return {
      setup: setupOf(await resolveSettings([])),
      findings: [settingsFinding("settings", error)],
    };
  }
}

async function lookAtRunning(
  { settings }: Setup,
  notes: string[],
): Promise<Finding[]> {
  const { stats } = settings;
  if (stats === "") {
    notes.push(
      "no eddy that runs was looked at: --stats says where one tells its status",
    );
    return [];
  }
  try {
    return lookAtStatus(`status at ${stats}`, await ask(settings));
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    notes.push(error.message);
    return [];
  }
}

/** For a terminal. */
export function report({ findings, notes, missed }: Diagnosis): string {
  const lines = findings.flatMap(({ code, where, what, todo }) => [
    `${where}: ${what}`,
    `    do: ${todo}`,
    `    ${code}, docs/doctor.md#${code.replaceAll(".", "")}`,
  ]);
  const unseen = missed.map(
    (path) =>
      `${path}: nothing in it is about eddy, as far as the doctor can tell`,
  );
  const rest = missed.length > 0 ? ", and not everything was looked at" : "";
  const sum =
    findings.length > 0 ? counted(findings.length, "finding") : "nothing found";
  return [...lines, ...notes, ...unseen, sum + rest].join("\n");
}

/** What the command ends with: not everything that was named could be looked at is not the same as nothing found. */
export const exitCodeOf = ({ findings, missed }: Diagnosis): number =>
  findings.length > 0 ? EXIT.failed : missed.length > 0 ? EXIT.usage : 0;
