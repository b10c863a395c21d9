/**
 * The course of a task, a function for each turn in the queue.
 *
 * effection runs a task as `try { trap(encapsulate(operation)) } finally { critical(destroy) }`: generators whose own
 * effects take a turn each, three before the body and three after it. Other routines run in these turns, and a halt may
 * arrive in any of them, so they are part of effection's behaviour. Here each is a function, named for what happens in
 * it; the generators are gone, and with them five closures a task.
 */
import { Err, Ok, type Result } from "effection";
import { exitAtOnce, UNIT } from "./effects.ts";
import type { Begun } from "./first-step.ts";
import { takesNextTurn, wouldBeNext } from "./queue.ts";
import type { KernelTask } from "./task.ts";
import { haltAll } from "./teardown.ts";

/** What a task does at its turn. */
export type Phase = (task: KernelTask) => void;

/** A task that is halted before its first turn was never there: nothing is cleaned up. */
export function created(task: KernelTask): void {
  if (task.takeUnwind()) return task.settle(UNIT);
  pass(task, findBoundary);
}

/** trap: the boundary outside. */
function findBoundary(task: KernelTask): void {
  if (task.takeUnwind()) return pass(task, close);
  task.outerBoundary = task.findBoundary();
  pass(task, becomeBoundary);
}

/** trap: errors of children come to the task. */
function becomeBoundary(task: KernelTask): void {
  if (task.takeUnwind()) return pass(task, close);
  task.boundary = task;
  pass(task, startBody);
}

/** encapsulate: children end with the body; and the first step of the body. */
function startBody(task: KernelTask): void {
  if (task.takeUnwind()) return leaveTrap(task);
  task.group = task;
  task.phase = runBody;
  try {
    task.iterator = task.operation!()[Symbol.iterator]();
  } catch (error) {
    return endBody(task, Err(error));
  }
  runBody(task);
}

/** The body's first step was taken before there was a task: where that leaves it. */
export function resumeBody(
  task: KernelTask,
  { body, effect, result }: Begun,
): void {
  task.outerBoundary = task.findBoundary();
  task.boundary = task;
  task.group = task;
  task.phase = runBody;
  task.iterator = body;
  if (result === undefined) task.enter(effect!);
  else endBody(task, result);
}

function runBody(task: KernelTask): void {
  const result = advance(task);
  if (result !== undefined) endBody(task, result);
}

function endBody(task: KernelTask, result: Result<unknown>): void {
  task.completion = result;
  task.iterator = undefined;
  pass(task, endGroup);
}

/** encapsulate: the children that are left are halted. */
function endGroup(task: KernelTask): void {
  if (!task.resumeWith.ok) {
    task.unwinding = false;
    task.completion = task.resumeWith; // the exit of the body's last effect failed
    leaveGroup(task);
  } else if (task.takeUnwind()) {
    task.group = undefined;
    leaveTrap(task);
  } else if (task.hasTasks) runCritical(task, haltAll(task.tasks), haltGroup);
  else leaveGroup(task);
}

function haltGroup(task: KernelTask): void {
  const result = advance(task);
  if (result === undefined) return;
  task.critical = false;
  if (!result.ok) task.completion = result;
  leaveGroup(task);
}

function leaveGroup(task: KernelTask): void {
  task.group = undefined;
  if (task.completion.ok) task.trapped ??= task.completion;
  else task.trapped = task.completion;
  leaveTrap(task);
}

/** trap: errors go to the boundary outside again. A body that was unwound has come to nothing, and is unwound on. */
function leaveTrap(task: KernelTask): void {
  task.boundary = task.outerBoundary;
  if (task.trapped !== undefined) return pass(task, leftTrap, task.trapped);
  task.phase = leftTrap;
  task.unwind();
  task.exit = exitAtOnce;
}

function leftTrap(task: KernelTask): void {
  if (!task.resumeWith.ok) task.unwinding = false;
  task.completion = task.takeUnwind() ? UNIT : task.resumeWith;
  pass(task, close);
}

/** The scope is destroyed. A halt that arrives in this very turn leaves that to the owner. */
function close(task: KernelTask): void {
  if (task.takeUnwind()) return task.settle(UNIT);
  if (!task.idle)
    return runCritical(task, task.destruct()[Symbol.iterator](), destroyScope);
  task.close(); // nothing was left in it: most tasks
  task.settle(task.completion);
}

function destroyScope(task: KernelTask): void {
  const result = advance(task);
  if (result === undefined) return;
  task.critical = false;
  task.settle(result.ok ? task.completion : result);
}

/** Halting a task that has ended does nothing. */
export function ended(): void {}

/** Stands for an effect that resumes at once: another turn. With nobody before it in the queue that is the very next thing to happen, and the way through it can be spared: most requests have it for themselves, and a task goes before its children. */
function pass(
  task: KernelTask,
  phase: Phase,
  result: Result<unknown> = UNIT,
): void {
  task.phase = phase;
  if (task.exit === exitAtOnce && wouldBeNext(task.scope.priority)) {
    task.resumeWith = result;
    return phase(task);
  }
  task.resume(result);
  task.exit = exitAtOnce;
}

/** Runs to its end, whatever arrives meanwhile. */
function runCritical(
  task: KernelTask,
  steps: NonNullable<KernelTask["iterator"]>,
  phase: Phase,
): void {
  task.critical = true;
  task.iterator = steps;
  task.resumeWith = UNIT;
  task.phase = phase;
  phase(task);
}

/** A step of what the task runs, and those that nobody else takes a turn before; its result, when the last of them was among these. */
function advance(task: KernelTask): Result<unknown> | undefined {
  do {
    let step;
    try {
      step = task.advance();
    } catch (error) {
      return Err(error);
    }
    if (step.done) return Ok(step.value);
    task.enter(step.value);
  } while (takesNextTurn(task));
  return undefined;
}
