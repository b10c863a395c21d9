#!/usr/bin/env node
/** The command `eddy`. */
import { CommanderError } from "commander";
import { run } from "effection";
import { commandLine, type Flags } from "./command-line.ts";
import { configure, configureThere } from "./configure.ts";
import { explain } from "./explain.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { identityOf } from "./identity.ts";
import { warnOfProcess1 } from "./process-1.ts";
import { openLogs } from "./logs.ts";
import { askForProfile } from "./profile/ask.ts";
import { askForReload } from "./ask-reload.ts";
import { checkReachable } from "./reachable.ts";
import { inheritanceOf } from "./inheritance.ts";
import { startOf } from "./successor.ts";
import { checkSupervised } from "./supervised.ts";
import { VERSION } from "../status/versions.ts";

const program = commandLine(VERSION, {
  async run(flags: Flags) {
    checkRuntime();
    const inheritance = inheritanceOf(process.env);
    const start = startOf(process.env); // without what was inherited, which is about this process
    const configuration = await configureThere(flags);
    checkSupervised(configuration);
    const { settings, warnings } = configuration;
    if (settings.umask !== "") process.umask(parseInt(settings.umask, 8));
    const identity = identityOf(settings);
    checkReachable(settings, identity);
    const logs = openLogs(settings, identity);
    for (const warning of warnings) logs.log.warn(warning);
    warnOfProcess1(logs.log);
    const surroundings = { flags, start, inheritance, identity, logs };
    if (settings.workers === 0) {
      const { serveAlone } = await import("./alone.ts"); // with an engine: a supervisor never has one
      return await serveAlone(configuration, surroundings);
    }
    const { supervise } = await import("./supervise.ts"); // as all below: a start pays for what it needs
    await run(() => supervise(configuration, surroundings));
  },
  async config(flags: Flags) {
    const configuration = await configure(flags);
    for (const warning of configuration.warnings) console.error(warning);
    console.log(explain(configuration));
  },
  async check(flags: Flags) {
    checkRuntime();
    const configuration = await configureThere(flags);
    checkSupervised(configuration);
    for (const warning of configuration.warnings) console.error(warning);
    const identity = identityOf(configuration.settings);
    checkReachable(configuration.settings, identity);
    const { check } = await import("./check.ts");
    console.log(`${await run(() => check(configuration, identity))}: good`);
  },
  async reload(flags: Flags) {
    const { settings } = await configureThere(flags);
    await askForReload(settings.pid);
  },
  async top(flags: Flags) {
    const { settings } = await configureThere(flags);
    const { top } = await import("./top.ts");
    await run(() => top(settings));
  },
  async profile(pid: string, what: string, flags: Flags) {
    const { settings } = await configureThere(flags);
    console.log(await askForProfile(settings, pid, what));
  },
  async doctor(files: readonly string[], flags: Flags) {
    const { examine, exitCodeOf, report } = await import("./doctor/doctor.ts");
    const diagnosis = await examine(flags, files);
    console.log(report(diagnosis));
    process.exitCode = exitCodeOf(diagnosis);
  },
  async import(file, words, { python = "python3" }) {
    const { importFile } = await import("./import/import.ts");
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

/** The supervisor's claims and the workers' watchdog are made of what Node.js alone has. */
function checkRuntime(): void {
  for (const name of ["bun", "deno"])
    if (process.versions[name] !== undefined)
      throw new CommandFailure(
        EXIT.usage,
        `the command needs Node.js; on ${name}, run a program that ends with loop.serve()`,
      );
}

/** The reader of standard output may stop early, as in `eddy config | head`. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Commander prints its own errors. */
function report(error: unknown): number {
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? 0 : EXIT.usage;
  if (!(error instanceof CommandFailure)) throw error;
  console.error(`eddy: ${error.message}`);
  return error.exitCode;
}
