/** What the command's settings mean for applications of Python. */
import type { PythonOptions } from "eddy/adapters/python";
import type { Key, Settings } from "./schema.ts";

/** The rest are `chdir`, which is the command's, and the jitter, which is a tenth. */
export const OF_PYTHON = {
  startTimeout: "startTimeoutMs",
  python: "python",
  pythonVenv: "venv",
  pythonPath: "pythonPath",
  pythonProcesses: "processes",
  pythonThreads: "threads",
  pythonLazyApps: "lazyApps",
  pythonQueue: "maxQueuedRequests",
  pythonHarakiri: "harakiriMs",
  pythonAbortGrace: "abortGraceMs",
  pythonInterrupt: "interrupt",
  pythonMaxRequests: "maxRequests",
} as const satisfies Partial<Record<Key, keyof PythonOptions>>;

/** For these, 0 is "never", as it is for Gunicorn and uWSGI. */
const OFF_AT_0: readonly string[] = [
  "startTimeout",
  "pythonHarakiri",
  "pythonMaxRequests",
];

/** What the operator said; the rest is as `python()` has it. */
export function pythonOptions(
  settings: Settings,
  explicit: readonly Key[],
): PythonOptions {
  const said = Object.entries(OF_PYTHON)
    .filter(([key]) => explicit.includes(key as Key))
    .map(([key, option]) => {
      const value = settings[key as keyof typeof OF_PYTHON];
      const off = value === 0 && OFF_AT_0.includes(key);
      return [option, value === "" ? undefined : off ? Infinity : value];
    });
  return Object.fromEntries(said) as PythonOptions;
}
