/** What the command's settings mean for applications of Python. */
import type { PythonOptions } from "eddy/adapters/python";
import { givenOptions } from "./loop-options.ts";
import type { Key, Settings } from "./schema.ts";

/** All but `chdir`, which is a setting of the command, and the jitter, which is always a tenth. */
export const PYTHON_OPTIONS = {
  startTimeout: "startTimeoutMs",
  python: "python",
  pythonVenv: "venv",
  pythonPath: "pythonPath",
  pythonInterface: "interface",
  pythonLoop: "loop",
  pythonMaxConcurrent: "maxConcurrent",
  pythonProcesses: "processes",
  pythonThreads: "threads",
  pythonLazyApps: "lazyApps",
  pythonQueue: "maxQueuedRequests",
  pythonStreamBodies: "streamBodies",
  pythonHarakiri: "harakiriMs",
  pythonAbortGrace: "abortGraceMs",
  pythonInterrupt: "interrupt",
  pythonMaxRequests: "maxRequests",
} as const satisfies Partial<Record<Key, keyof PythonOptions>>;

/** Here 0 means no limit, as in Gunicorn and uWSGI. */
const OFF_AT_0 = ["maxRequests", "maxConcurrent"];

/** The options that the operator gave; `python()` has defaults for the rest. */
export function pythonOptions(
  settings: Settings,
  explicit: readonly Key[],
): PythonOptions {
  const options = givenOptions(PYTHON_OPTIONS, settings, explicit);
  for (const name of OFF_AT_0)
    if (options[name] === 0) options[name] = Infinity;
  return options as PythonOptions;
}
