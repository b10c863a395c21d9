/** `eddy doctor`: looks at files that somebody names, or at this machine, the settings here, and the eddy that runs. */
import { basename } from "node:path";
import type { Flags } from "../command-line.ts";
import { configureThere } from "../configure.ts";
import { CommandFailure } from "../failure.ts";
import { FirstWorker } from "../first-worker.ts";
import { resolveSettings } from "../settings.ts";
import { ask } from "../top.ts";
import { settingsFinding, unknownIn } from "./command.ts";
import { isDockerfile, lookAtDockerfile } from "./dockerfile.ts";
import { look, type Finding, type Setup } from "./finding.ts";
import { isHaproxy, lookAtHaproxy } from "./haproxy.ts";
import { lookAtMachine } from "./machine.ts";
import {
  isCompose,
  isManifest,
  lookAtCompose,
  lookAtManifest,
} from "./manifests.ts";
import { lookAtNginx } from "./nginx.ts";
import { lookAtStatus } from "./running.ts";
import { SETTINGS_CHECKS } from "./settings.ts";
import { setupOf } from "./setup.ts";
import { isUnit, isUpstart, lookAtUnit, lookAtUpstart } from "./systemd.ts";
import { readText } from "./text.ts";
import { lookAtTls } from "./tls.ts";

/** What came of it. */
export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** What was not looked at, and why. */
  readonly notes: readonly string[];
}

interface FileKind {
  readonly is: (text: string, name: string) => boolean;
  /** Undefined where nothing in it is about eddy. */
  readonly look: (
    file: string,
    text: string,
    setup: Setup,
  ) => Finding[] | undefined | Promise<Finding[] | undefined>;
}

/** The first that fits. */
const KINDS: readonly FileKind[] = [
  { is: isUnit, look: lookAtUnit },
  { is: isManifest, look: lookAtManifest },
  { is: isCompose, look: lookAtCompose },
  {
    is: (text, name) => /dockerfile/i.test(name) || isDockerfile(text),
    look: lookAtDockerfile,
  },
  { is: isUpstart, look: lookAtUpstart },
  { is: isHaproxy, look: lookAtHaproxy },
  {
    is: (text) =>
      /^\s*(server|upstream|location|http|events|proxy_pass)\b[^;\n]*[{;]/m.test(
        text,
      ),
    look: lookAtNginx,
  },
];

const CONFIG = /^eddy\.config\.\w+$/;

/**
 * Looks at `files`, and where none is named at everything here. The settings are those of `flags`, variables and config
 * files, or of a config file among `files`.
 *
 * @throws {CommandFailure} for a file that cannot be read.
 */
export async function examine(
  flags: Flags,
  files: readonly string[],
): Promise<Diagnosis> {
  const config = files.find((file) => CONFIG.test(basename(file)));
  const { setup, findings } = await setupHere(
    config === undefined ? flags : { ...flags, config },
  );
  const notes: string[] = [];
  for (const file of files.filter((one) => one !== config)) {
    const found = await lookAtFile(file, setup);
    if (found === undefined)
      notes.push(
        `${file}: nothing in it is about eddy, as far as the doctor can tell`,
      );
    else findings.push(...found);
  }
  if (files.length === 0) {
    const worker = new FirstWorker({});
    const fault = await worker.faultOfUws;
    worker.end();
    findings.push(...lookAtMachine(setup, fault));
    findings.push(...(await lookAtRunning(setup, notes)));
  }
  return { findings, notes };
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
      setup: setupOf(resolveSettings([])),
      findings: [settingsFinding("settings", error)],
    };
  }
}

async function lookAtFile(
  file: string,
  setup: Setup,
): Promise<Finding[] | undefined> {
  const text = readText(file);
  const kind = KINDS.find(({ is }) => is(text, basename(file)));
  try {
    return await kind?.look(file, text, setup);
  } catch (error) {
    if (!(error instanceof Error && error.name === "YAMLException"))
      throw error;
    const what = error.message.split("\n")[0]!;
    return [{ code: "file-syntax", where: file, what, todo: "valid YAML" }];
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
export function report({ findings, notes }: Diagnosis): string {
  const lines = findings.flatMap(({ code, where, what, todo }) => [
    `${where}: ${what}`,
    `    do: ${todo}`,
    `    ${code}, docs/doctor.md#${code.replaceAll(".", "")}`,
  ]);
  const sum =
    findings.length === 0
      ? "nothing found"
      : `${findings.length} finding${findings.length === 1 ? "" : "s"}`;
  return [...lines, ...notes, sum].join("\n");
}
