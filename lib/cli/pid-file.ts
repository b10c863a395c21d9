/**
 * The file with the supervisor's process id: for process managers, and for `eddy reload`. It is held by who has it
 * open, and so for as long as that process lives. What a number says alone may have become a stranger's.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
  type Stats,
} from "node:fs";
import { resource, type Operation } from "effection";
import { attempt, CommandFailure, EXIT } from "./failure.ts";
import { reportFile, writeReport } from "./reload-report.ts";

/**
 * Claimed now, removed with the scope.
 *
 * @param predecessor the process that gives it up, if it has it.
 * @throws {CommandFailure} when another supervisor that runs has it.
 */
export function usePidFile(
  file: string,
  predecessor?: number,
): Operation<void> {
  return resource(function* (provide) {
    if (file === "") return yield* provide();
    const held = attempt(EXIT.usage, "cannot write the pid file", () =>
      predecessor !== undefined && holderOf(file) === predecessor
        ? replace(file)
        : claim(file),
    );
    try {
      writeReport(file, { startedAt: 0 });
      yield* provide();
    } finally {
      if (isAt(file, held)) {
        remove(file);
        remove(reportFile(file));
      }
      closeSync(held);
    }
  });
}

/** A process that has become another user may not: whoever comes next sees that nobody has it. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") throw error;
  }
}

/**
 * Who tries to hold the file opens it and adds its number; the first one in it that has it open holds it. So of several
 * that try at once they all see the same one. Who holds one that has old numbers removes it, and tries again.
 */
function claim(file: string): number {
  const { O_RDWR, O_CREAT, O_APPEND } = constants;
  for (;;) {
    const opened = openPlain(file, O_RDWR | O_CREAT | O_APPEND);
    if (holderIn(opened) === undefined)
      writeSync(opened, `${textIn(opened) && "\n"}${process.pid}\n`);
    const holder = holderIn(opened);
    if (holder === process.pid && isAt(file, opened)) {
      if (pidsIn(opened)[0] === holder) return opened;
      rmSync(file);
    }
    closeSync(opened);
    if (holder !== process.pid)
      throw new CommandFailure(
        EXIT.failed,
        `${file}: process ${holder} runs already; stop it, or choose another --pid`,
      );
  }
}

/** Whoever looks at the file sees the one process or the other. Who has the old one open holds it no more. */
function replace(file: string): number {
  const { O_RDWR, O_CREAT, O_APPEND } = constants;
  const aside = `${file}.${process.pid}`;
  const opened = openPlain(aside, O_RDWR | O_CREAT | O_APPEND);
  writeSync(opened, `${process.pid}\n`);
  renameSync(aside, file);
  return opened;
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
  if (file === "")
    throw new CommandFailure(
      EXIT.failed,
      "which eddy? name its pid file: eddy reload --pid FILE",
    );
  const pid = attempt(EXIT.usage, "cannot read the pid file", () =>
    holderOf(file),
  );
  if (pid !== undefined) return pid;
  throw new CommandFailure(
    EXIT.failed,
    `${file}: no eddy runs by that pid file`,
  );
}

/** Another process than this one. */
function holderOf(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const opened = openPlain(file, constants.O_RDONLY);
  try {
    return holderIn(opened, process.pid);
  } finally {
    closeSync(opened);
  }
}

/** Follows no link: who may write to the folder, but not to where it leads, could have put it there. */
function openPlain(file: string, flags: number): number {
  const { O_NOFOLLOW, O_NONBLOCK } = constants;
  const opened = openSync(file, flags | O_NOFOLLOW | O_NONBLOCK, 0o644);
  if (fstatSync(opened).isFile() && /^[\d\s]*$/.test(textIn(opened)))
    return opened;
  closeSync(opened);
  throw new Error(`${file} is something else; remove it, or choose another`);
}

function holderIn(opened: number, except?: number): number | undefined {
  const file = fstatSync(opened);
  return pidsIn(opened).find((pid) => pid !== except && holds(pid, file));
}

/** Positive numbers: a signal to 0 would go to a whole group of processes. */
const pidsIn = (opened: number): number[] =>
  textIn(opened).split(/\s+/).map(Number).filter(Boolean);

/** From its start. A pid file is short; of something else the first bytes tell. */
function textIn(opened: number): string {
  const bytes = Buffer.alloc(1024);
  return bytes.toString("latin1", 0, readSync(opened, bytes, 0, 1024, 0));
}

/** Whether the file is there under that name: somebody may have removed it. */
function isAt(file: string, opened: number): boolean {
  const { dev, ino } = fstatSync(opened);
  const there = statSync(file, { throwIfNoEntry: false });
  return there?.dev === dev && there.ino === ino;
}

/** Whether a process has the file open, or may have it where we may not look. */
function holds(pid: number, { dev, ino, uid }: Stats): boolean {
  if (!existsSync("/proc/self/fd")) return runs(pid); // not Linux
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder)
      .map((name) => statSync(`${folder}/${name}`, { throwIfNoEntry: false }))
      .some((open) => open?.dev === dev && open.ino === ino);
  } catch (error) {
    const isHidden = (error as NodeJS.ErrnoException).code === "EACCES";
    return isHidden && userOf(pid) === uid;
  }
}

/** Undefined when it has ended meanwhile. Who owns its folder in /proc is not always its user (proc(5)). */
function userOf(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
  } catch {
    return undefined;
  }
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
