/** How long the command waits for what it waits for. */

const DEFAULTS = {
  /** Between two reports of a worker, and two pictures of `eddy top`. */
  reportMs: 1000,
  /** For a worker's answer. One that takes longer is stuck. */
  workerAnswerMs: 1000,
  /** For a profile, beyond the time that is watched: a snapshot of a large heap takes minutes. */
  profileMs: 600_000,
  /** For the supervisor's answer to `eddy top`. It takes that long only when it is stuck. */
  statusAnswerMs: 5000,
  /** For an answer from a thread whose event loop is stuck. One in native code gives none. */
  watchdogAnswerMs: 1000,
  /** Beyond a limit that whoever is limited keeps by itself, and then says more about it. */
  headStartMs: 4000,
  /** For the last spans to leave, of the time that a worker has to exit. */
  flushMs: 1000,
  /** Before a worker is replaced again whose successor has failed. */
  renewalRetryMs: 5000,
  /** For a worker to exit once its requests are over. */
  exitMs: 2000,
  /** From the start of a worker that has served to that of the one in its place, at least. */
  restartMs: 500,
  /** Before a worker is started again that has ended twice in a row without serving; then twice as long each time. */
  firstRestartMs: 100,
};

/** Its value is JSON. No setting, but a way for tests to wait for less. */
const VARIABLE = "INTERNAL_EDDY_INTERVALS";

export const INTERVALS: Readonly<typeof DEFAULTS> = {
  ...DEFAULTS,
  ...shorter(process.env[VARIABLE] ?? "{}"),
};

function shorter(json: string): Partial<typeof DEFAULTS> {
  const given = JSON.parse(json) as Record<string, unknown>;
  for (const [name, value] of Object.entries(given))
    if (!(name in DEFAULTS) || !(typeof value === "number" && value > 0))
      throw new Error(`${VARIABLE}: ${name} is not a valid interval`);
  return given;
}
