/** The file with the supervisor's process id: for process managers, and for `eddy reload`. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { resource, type Operation } from "effection";
import { attempt, CommandFailure, EXIT } from "./failure.ts";

/** Written now, removed with the scope. @throws {CommandFailure} when another supervisor that runs has it. */
export function usePidFile(file: string): Operation<void> {
  return resource(function* (provide) {
    if (file === "") return yield* provide();
    claim(file);
    try {
      yield* provide();
    } finally {
      rmSync(file, { force: true });
    }
  });
}

function claim(file: string): void {
  const pid = existingPid(file);
  if (pid !== undefined && runs(pid))
    throw new CommandFailure(
      EXIT.failed,
      `${file}: process ${pid} runs already; stop it, or choose another --pid`,
    );
  attempt(EXIT.usage, "cannot write the pid file", () =>
    writeFileSync(file, `${process.pid}\n`),
  );
}

/** @throws {CommandFailure} when no supervisor runs by that pid file, or this user may not signal it. */
export function signalSupervisor(file: string, signal: NodeJS.Signals): void {
  const pid = runningPid(file);
  try {
    process.kill(pid, signal);
  } catch (cause) {
    throw new CommandFailure(
      EXIT.failed,
      `${file}: cannot send ${signal} to process ${pid}: ${(cause as Error).message}; it takes its own user, or root`,
      { cause },
    );
  }
}

/** @throws {CommandFailure} when there is none that runs. */
export function runningPid(file: string): number {
  const pid = file === "" ? undefined : existingPid(file);
  if (pid !== undefined && runs(pid)) return pid;
  throw new CommandFailure(
    EXIT.failed,
    file === ""
      ? "which eddy? name its pid file: eddy reload --pid FILE"
      : `${file}: no eddy runs by that pid file`,
  );
}

/** A positive number: a signal to 0, or to a negative number, would go to a whole group of processes. */
function existingPid(file: string): number | undefined {
  try {
    const [pid] = /^\d+$/.exec(readFileSync(file, "utf8").trim()) ?? [];
    return Number(pid) || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CommandFailure(
      EXIT.usage,
      `cannot read the pid file: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** Whether another process has it. In a container that is started again, an old file may have our own number. */
function runs(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
