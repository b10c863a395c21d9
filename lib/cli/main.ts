#!/usr/bin/env node
/** The command `eddy`: the process of its first worker starts while all else is loaded. */
import { EarlyProcess } from "./early-process.ts";

const early = EarlyProcess.guess(process.argv.slice(2), process.env);
try {
  const { command } = await import("./command.ts");
  await command(early);
} finally {
  early?.end();
}
