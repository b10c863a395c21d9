#!/usr/bin/env node
/** The command `eddy`. */
import { CommanderError } from "commander";
import { run } from "effection";
import { commandLine, type Flags } from "./command-line.ts";
import { configure, configureThere } from "./configure.ts";
import { explain } from "./explain.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { identityOf } from "./identity.ts";
import { importFile } from "./import/import.ts";
import { openLogs } from "./logs.ts";
import { signalSupervisor } from "./pid-file.ts";
import { supervise } from "./supervise.ts";
import { top } from "./top.ts";
import { VERSION } from "./versions.ts";

const program = commandLine(VERSION, {
  async run(flags: Flags) {
    const configuration = await configureThere(flags);
    const { settings, warnings } = configuration;
    if (settings.umask !== "") process.umask(parseInt(settings.umask, 8));
    const identity = identityOf(settings);
    const logs = openLogs(settings, identity);
    for (const warning of warnings) logs.log.warn(warning);
    await run(() => supervise(configuration, identity, logs));
  },
  async config(flags: Flags) {
    console.log(explain(await configure(flags)));
  },
  async reload(flags: Flags) {
    const { settings } = await configureThere(flags);
    signalSupervisor(settings.pid, "SIGHUP");
  },
  async top(flags: Flags) {
    const { settings } = await configureThere(flags);
    await run(() => top(settings.stats));
  },
  async import(file: string, { python = "python3" }: Flags) {
    const { config, summary, complete } = importFile(file, String(python));
    process.stdout.write(config);
    console.error(summary);
    process.exitCode = complete ? 0 : EXIT.failed;
  },
});

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
