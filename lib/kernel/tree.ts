/** Views of the tasks that run: for operators, and for the log line about a task that does not end. */
import type { Scope } from "effection";
import type { Fork } from "./fork.ts";
import { KernelScope } from "./scope.ts";
import { KernelTask } from "./task.ts";

/** One task, as it was when it was looked at. */
export interface TaskView {
  /** Of the operation's function; `task` where it has none. */
  readonly name: string;
  /** What it waits for, by the description of the effect that it is in: `sleep(1000)`, `until`, … */
  readonly waitsFor: string | undefined;
  readonly ageMs: number;
  readonly children: readonly TaskView[];
}

/** The tasks of a scope, and of the scopes within it. Empty where the kernel is not used. */
export function viewTasks(scope: Scope): TaskView[] {
  if (!(scope instanceof KernelScope)) return [];
  return [...(scope.destructors ?? [])].flatMap((node) => {
    if (node instanceof KernelTask) return [viewTask(node)];
    return node instanceof KernelScope ? viewTasks(node) : [];
  });
}

/** The task of a fork; undefined where there is none, or the kernel is not used. */
export function viewFork(fork: Fork | undefined): TaskView | undefined {
  return fork instanceof KernelTask ? viewTask(fork) : undefined;
}

function viewTask(task: KernelTask): TaskView {
  return {
    name: task.operation?.name || "task",
    waitsFor: task.effect?.description.replace(/^do <(.*)>$/s, "$1"), // effection's wrapper
    ageMs: task.startedAt === 0 ? 0 : Date.now() - task.startedAt,
    children: viewTasks(task),
  };
}
