/** What the words of the command `eddy` ask for. */
import { CommanderError, type Command } from "commander";
import { answerTo, commandLine, type Flags } from "./command-line.ts";
import { configure, configureThere } from "./configure.ts";
import type { EarlyProcess } from "./early-process.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { FirstWorker, isAllByNode } from "./first-worker.ts";
import { identityOf, type Identity } from "./identity.ts";
import { inheritanceOf } from "./inheritance.ts";
import type { Logs } from "./logs.ts";
import { warnOfProcess1 } from "./process-1.ts";
import { checkReachable } from "./reachable.ts";
import { releaseOf } from "./release.ts";
import { OTHER_RUNTIME } from "./runtime.ts";
import { secretVariables } from "./secret.ts";
import type { Configuration } from "./settings.ts";
import { startOf } from "./start.ts";
import { checkSupervised } from "./supervised.ts";
import { forkWorker, withSockets } from "./worker-fork.ts";
import { VERSION } from "../status/versions.ts";

/**
 * To its end, with the exit code that follows.
 *
 * @param early for the first worker, if there is to be one.
 */
export async function command(early?: EarlyProcess): Promise<void> {
  // the reader of standard output may stop early, as in `eddy config | head`
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
  const program = programWith(early);
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = await report(error, program);
  }
}

const programWith = (early?: EarlyProcess): Command =>
  commandLine(VERSION, {
    async run(flags: Flags) {
      checkRuntime();
      const inheritance = inheritanceOf(process.env);
      const start = startOf(process.env); // without what was inherited, which is about this process
      const configuration = await configureThere(flags);
      checkSupervised(configuration);
      const { settings } = configuration;
      if (settings.umask !== "") process.umask(parseInt(settings.umask, 8));
      const identity = identityOf(settings);
      checkReachable(settings, identity);
      const surroundings = { flags, start, inheritance, identity };
      if (settings.workers === 0) {
        early?.end();
        const logs = await beginLogs(configuration, identity);
        const { serveAlone } = await import("./alone.ts"); // with an engine: a supervisor never has one
        return await serveAlone(configuration, { ...surroundings, logs });
      }
      const release = releaseOf(configuration, secretVariables(settings));
      const options = { ...release.fork, ...identity, stdio: withSockets([]) };
      const first = isAllByNode(settings)
        ? undefined
        : new FirstWorker(early?.take(options) ?? forkWorker(options));
      early?.end(); // unless it has been taken
      try {
        const logs = await beginLogs(configuration, identity);
        const { run } = await import("effection");
        const { supervise } = await import("./supervise.ts");
        const beginning = { ...surroundings, logs, release, first };
        await run(() => supervise(configuration, beginning));
      } finally {
        first?.end();
      }
    },
    async config(flags: Flags) {
      const configuration = await configure(flags);
      for (const warning of configuration.warnings) console.error(warning);
      const { explain } = await import("./explain.ts"); // as all below: a start pays for what it needs
      console.log(explain(configuration));
    },
    async check(flags: Flags) {
      checkRuntime();
      const configuration = await configureThere(flags);
      checkSupervised(configuration);
      for (const warning of configuration.warnings) console.error(warning);
      const identity = identityOf(configuration.settings);
      checkReachable(configuration.settings, identity);
      const { run } = await import("effection");
      const { check } = await import("./check.ts");
      console.log(`${await run(() => check(configuration, identity))}: good`);
    },
    async reload(flags: Flags) {
      const { settings } = await configureThere(flags);
      const { askForReload } = await import("./ask-reload.ts");
      await askForReload(settings.pid);
    },
    async top(flags: Flags) {
      const { settings } = await configureThere(flags);
      const { run } = await import("effection");
      const { top } = await import("./top.ts");
      await run(() => top(settings));
    },
    async profile(pid: string, what: string, flags: Flags) {
      const { settings } = await configureThere(flags);
      const { askForProfile } = await import("./profile/ask.ts");
      console.log(await askForProfile(settings, pid, what));
    },
    async doctor(files: readonly string[], flags: Flags) {
      const { examine, exitCodeOf, report } =
        await import("./doctor/doctor.ts");
      const diagnosis = await examine(flags, files);
      console.log(report(diagnosis));
      process.exitCode = exitCodeOf(diagnosis);
    },
    async import(file, words, { python = "python3" }) {
      const { importFile } = await import("./import/import.ts");
      if (words.length > 0 && !process.argv.includes("--"))
        throw new CommandFailure(
          EXIT.usage,
          `its flags are taken for eddy's own: eddy import -- ${file} ${words.join(" ")} …`,
        );
      const { config, summary, complete } = importFile(
        file,
        String(python),
        words,
      );
      process.stdout.write(config);
      console.error(summary);
      process.exitCode = complete ? 0 : EXIT.failed;
    },
  });

/** With what there is to say first. */
async function beginLogs(
  { settings, warnings }: Configuration,
  identity: Identity,
): Promise<Logs> {
  const { openLogs } = await import("./logs.ts");
  const logs = openLogs(settings, identity);
  for (const warning of warnings) logs.log.warn(warning);
  warnOfProcess1(logs.log);
  return logs;
}

function checkRuntime(): void {
  if (OTHER_RUNTIME !== undefined)
    throw new CommandFailure(
      EXIT.usage,
      `the command needs Node.js; on ${OTHER_RUNTIME}, run a program that ends with loop.serve()`,
    );
}

async function report(error: unknown, program: Command): Promise<number> {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0; // after `--help`, for one
    if (error.code !== "commander.help")
      console.error(await answerTo(error.message, program));
    return EXIT.usage;
  }
  if (!(error instanceof CommandFailure)) throw error;
  console.error(`eddy: ${error.message}`);
  return error.exitCode;
}
