/** How this process was started, before anything in it changed: so a reload and a successor read the settings again. */
import { statSync, type Stats } from "node:fs";
import { attempt, EXIT } from "./failure.ts";

export interface Start {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/** To be asked for at once. @throws {CommandFailure} where the folder has been removed. */
export function startOf(env: NodeJS.ProcessEnv): Start {
  return { folder: asNamed(workingFolder(), env.PWD), env: { ...env } };
}

/** @throws {CommandFailure} where it has been removed. */
export const workingFolder = (): string =>
  attempt(EXIT.usage, "the working directory has been removed", () =>
    process.cwd(),
  );

/** The name by which a shell went there: a link in it may lead to a new release by now. */
function asNamed(folder: string, named: string | undefined): string {
  if (named === undefined) return folder;
  const here = statSync(".");
  const there = identityOf(named);
  return there?.ino === here.ino && there.dev === here.dev ? named : folder;
}

/** Undefined for what is not there, or not for this user to see: a shell of another user has left its own folder. */
function identityOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
