/** Programs that some tests need, and a bare machine may lack. */
import { spawnSync } from "node:child_process";
import { describe, it } from "mocha";

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

/** `missing`: what is not there, as the title of the skipped tests then says. Where CI has installed it (`.ci/run`) that is a failure. */
export function describeIf(
  missing: string | undefined,
  title: string,
  body: () => void,
  { inCi = true }: { inCi?: boolean } = {},
): void {
  if (missing === undefined) describe(title, body);
  else if (process.env["CI"] && inCi)
    describe(title, () =>
      it("can be tested", () => {
        throw new Error(`${missing}: install it`);
      }),
    );
  else describe.skip(`${title} (skipped: ${missing})`, body);
}

/** Why uWSGI cannot be tested; undefined when it can. */
export const UWSGI_MISSING =
  outputOf("uwsgi", "--plugin", "python3", "--version") === undefined
    ? "uwsgi with its plugin python3 is not installed"
    : undefined;
