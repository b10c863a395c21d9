/** Starts Python, or says why there is none. */
import { spawn, type ChildProcess } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PythonSettings } from "./options.ts";

const SCRIPT = fileURLToPath(new URL("./worker.py", import.meta.url));

/** What gateway and worker have in common, until both have it open. */
export const socketIn = (folder: string): string => join(folder, "socket");
export const stateIn = (folder: string): string => join(folder, "state");

/** A worker, which says "ready" on descriptor 3; that it cannot be started is an event. */
export function launch(settings: PythonSettings, folder: string): ChildProcess {
  const { python, chdir, env, app, threads, processes, interrupt } = settings;
  const config = JSON.stringify({
    app,
    threads,
    interrupt,
    socket: socketIn(folder),
    state: stateIn(folder),
    multiprocess: processes > 1,
  });
  return spawn(python, [SCRIPT, config], {
    cwd: chdir,
    env,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
}

/** The system says ENOENT for a folder and for a program alike. */
export function reasonFor(
  error: Error,
  { chdir, python, venv }: PythonSettings,
): string {
  if (!statSync(chdir, { throwIfNoEntry: false })?.isDirectory())
    return `there is no folder ${chdir}; see the option chdir`;
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") return error.message;
  return venv === undefined
    ? `there is no interpreter ${python}; install Python 3.8 or later, or see the option python`
    : `there is no virtual environment at ${venv}, as there is no ${python}; see the option venv`;
}
