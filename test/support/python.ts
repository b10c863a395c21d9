/** Python for the tests: an interpreter, and the applications in test/adapters/python/apps. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PythonOptions } from "../../adapters/python.ts";
import { PythonApplication } from "../../adapters/python/application.ts";
import { pythonSettings } from "../../adapters/python/options.ts";
import { ROOT } from "./root.ts";

/** The system's own, for which a system's packages are installed; else whichever comes first. */
export const PYTHON = existsSync("/usr/bin/python3")
  ? "/usr/bin/python3"
  : "python3";

export const APPS = join(ROOT, "test/adapters/python/apps");

/** An application of the tests by its name. Its processes are replaced and killed sooner than those of users. */
export function pythonApp(
  app: string,
  options: PythonOptions = {},
): PythonApplication {
  const internal = { exitMs: 200, backoff: { first: 5, last: 20 } };
  const where = { chdir: APPS, python: PYTHON };
  const settings = pythonSettings(app, { ...where, ...options }, internal);
  return new PythonApplication(settings);
}

/** Why a test of these modules cannot run; undefined when it can. Where `CI` is set they have to be there. */
export function missingModules(...modules: string[]): string | undefined {
  if (process.env["CI"]) return undefined;
  const program = modules.map((name) => `import ${name}`).join("\n");
  const { status, error } = spawnSync(PYTHON, ["-c", program]);
  if (error !== undefined) return `there is no ${PYTHON}`;
  return status === 0 ? undefined : `${PYTHON} has no ${modules.join(", ")}`;
}

/** Before tests of these modules: skips them, saying why, where they cannot run. */
export function needsPython(
  context: Mocha.Context,
  ...modules: string[]
): void {
  const missing = missingModules(...modules);
  if (missing === undefined) return;
  console.log(`      skipped: ${missing}`);
  context.skip();
}
