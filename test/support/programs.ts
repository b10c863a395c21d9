/** Programs that some tests need, and a bare machine may lack. */
import { spawnSync } from "node:child_process";
import { describe, it, type Suite } from "mocha";

/** Debian has some where only root looks. */
export const PROGRAM_ENV = {
  ...process.env,
  PATH: `${process.env["PATH"]}:/usr/sbin:/usr/local/sbin`,
};

/** What it prints; undefined when it is not there or does not work. */
export function outputOf(
  program: string,
  ...args: string[]
): string | undefined {
  const { status, stdout, stderr } = spawnSync(program, args, {
    env: PROGRAM_ENV,
    encoding: "utf8",
  });
  return status === 0 ? stdout + stderr : undefined;
}

/** What `describeIf` wants to know of a program, which is there if it can print its version. */
export const missing = (
  program: string,
  version = "--version",
): string | undefined =>
  outputOf(program, version) === undefined
    ? `${program} is not installed`
    : undefined;

/**
 * `reason`: what is not there, as the title of the skipped tests then says. Where CI has installed it (`.ci/run`) that
 * is a failure.
 */
export function describeIf(
  reason: string | undefined,
  title: string,
  body: (this: Suite) => void,
  { inCi = true }: { inCi?: boolean } = {},
): void {
  if (reason === undefined) describe(title, body);
  else if (process.env["CI"] && inCi)
    describe(title, () =>
      it("can be tested", () => {
        throw new Error(`${reason}: install it`);
      }),
    );
  else describe.skip(`${title} (skipped: ${reason})`, body);
}

/** Why uWSGI cannot be tested; undefined when it can. */
export const UWSGI_MISSING =
  outputOf("uwsgi", "--plugin", "python3", "--version") === undefined
    ? "uwsgi with its plugin python3 is not installed"
    : undefined;
