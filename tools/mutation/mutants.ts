/** Breakages of the kernel, as replacements in its compiled files. */
export interface Mutant {
  /** What is broken. */
  name: string;
  /** In dist/lib. */
  file: string;
  search: string;
  replace: string;
}

const effectionTask = "kernel/effection-task.js";
const handle = "kernel/handle.js";
const queue = "kernel/queue.js";
const scope = "kernel/scope.js";
const start = "kernel/start.js";
const task = "kernel/task.js";
const tasks = "operations/tasks.js";

export const mutants: Mutant[] = [
  {
    name: "A task that is halted before its first turn is torn down all the same.",
    file: task,
    search: "        return task.settle(UNIT);\n    pass(task, findBoundary);",
    replace: "        return pass(task, close);\n    pass(task, findBoundary);",
  },
  {
    name: "The body starts a turn too early.",
    file: task,
    search: "pass(task, becomeBoundary);",
    replace: "becomeBoundary(task);",
  },
  {
    name: "The body ends a turn too early.",
    file: task,
    search: "    pass(task, endGroup);",
    replace: "    task.resumeWith = UNIT; endGroup(task);",
  },
  {
    name: "A task goes on at once, though others wait in the queue.",
    file: task,
    search: "wouldBeNext(task.scope.priority)",
    replace: "true",
  },
  {
    name: "Errors of children go past their parent.",
    file: task,
    search: "task.boundary = task;\n    pass(task, startBody);",
    replace: "pass(task, startBody);",
  },
  {
    name: "A task takes errors of its scope after it has left its trap.",
    file: task,
    search: "task.boundary = task.outerBoundary;",
    replace: "",
  },
  {
    name: "The value of the body hides the error of a child.",
    file: task,
    search: "task.trapped ??= task.completion;",
    replace: "task.trapped = task.completion;",
  },
  {
    name: "Teardown can be interrupted.",
    file: task,
    search: "task.critical = true;",
    replace: "",
  },
  {
    name: "The error of a cleanup is lost.",
    file: task,
    search: "task.settle(result.ok ? task.completion : result);",
    replace: "task.settle(task.completion);",
  },
  {
    name: "Children outlive the body by some turns: their group is not halted.",
    file: task,
    search: "else if (task.hasTasks)",
    replace: "else if (false)",
  },
  {
    name: "Children are halted in the order of their start.",
    file: handle,
    search: "[...tasks].reverse()",
    replace: "[...tasks]",
  },
  {
    name: "The first error of the end of a scope counts, not the last.",
    file: scope,
    search: "outcome = Err(error); // the last one counts",
    replace: "if (outcome.ok) outcome = Err(error);",
  },
  {
    name: "Of several children that fail in their cleanup, the first counts, not the last.",
    file: handle,
    search: "outcome = Err(error);\n",
    replace: "if (outcome.ok) outcome = Err(error);\n",
  },
  {
    name: "What is added to a scope while it is destroyed stays.",
    file: scope,
    search: "while (this.destructors !== undefined && !this.destructors.empty)",
    replace: "while (false)",
  },
  {
    name: "A second destruction does not wait for the first.",
    file: scope,
    search: "if (this.destruction !== undefined) {",
    replace: "if (this.destruction !== undefined) { return;",
  },
  {
    name: "What a scope has is ended in the order in which it came.",
    file: "kernel/destructors.js",
    search: "return left.reverse();",
    replace: "return left;",
  },
  {
    name: "A task that fails while it is halted also tells the boundary.",
    file: task,
    search: "else if (!result.ok && !this.#interrupted)",
    replace: "else if (!result.ok)",
  },
  {
    name: "A halted task ends with the value of its body.",
    file: task,
    search: 'this.#interrupted ? "halted" : "value"',
    replace: '"value"',
  },
  {
    name: "An exit that fails goes unnoticed.",
    file: task,
    search: "this.resumeWith = left.ok ? result : left;",
    replace: "this.resumeWith = result;",
  },
  {
    name: "An effect that was left can still resume its task.",
    file: task,
    search: "if (this.#resolver === resolve)",
    replace: "if (true)",
  },
  {
    name: "A halt that fails does not say so.",
    file: task,
    search: 'if (this.#interrupted && this.state === "error")',
    replace: "if (false)",
  },
  {
    name: "halt() halts before anybody waits for it.",
    file: handle,
    search: "return () => new HaltFuture(",
    replace: "return () => this.#task.interrupt() ?? new HaltFuture(",
  },
  {
    name: "A joined promise settles a microtask too early.",
    file: handle,
    search: "async function ended(task) {\n    await new",
    replace: "function ended(task) {\n    return new",
  },
  {
    name: "A value of undefined lets the one above through.",
    file: scope,
    search: "while (!scope.#values?.has(name))",
    replace: "while (scope.#values?.get(name) === undefined)",
  },
  {
    name: "Nobody asks those who decorate api.Scope.",
    file: scope,
    search: "return !this.decorated && this.#entry.handle === this.#handle;",
    replace: "return true;",
  },
  {
    name: "A resource waits in the queue behind its siblings' children.",
    file: start,
    search: "task.priority = owner.priority;",
    replace: "",
  },
  {
    name: "race does not wait for the cleanup of those who lost.",
    file: tasks,
    search: "for (const halt of halts)\n        yield* halt;",
    replace: "",
  },
  {
    name: "all lets the others run when one fails.",
    file: tasks,
    search: "for (const task of tasks)\n            yield* task.halt();",
    replace: "",
  },
  {
    name: "A resource that cannot be opened fails its task, whoever catches it.",
    file: tasks,
    search: "yield* trap(() => provideTo(owner, body));",
    replace: "yield* provideTo(owner, body);",
  },
  {
    name: "What the first step of an operation has started elsewhere does not get its turn before the end.",
    file: start,
    search: "result !== undefined && queueIsEmpty()",
    replace: "result !== undefined",
  },
  {
    name: "An operation takes its first step at once while others take turns.",
    file: start,
    search: "reducer.reducing || ",
    replace: "",
  },
  {
    name: "A task that is made after the first step is no boundary for its children.",
    file: task,
    search:
      "    task.boundary = task;\n    task.group = task;\n    task.turn = runBody;\n    task.iterator = body;",
    replace:
      "    task.group = task;\n    task.turn = runBody;\n    task.iterator = body;",
  },
  {
    name: "An abort signal never fires.",
    file: tasks,
    search: "controller.abort();",
    replace: "",
  },
  {
    name: "The timer of a halted sleep goes on.",
    file: "operations/wait.js",
    search: "clearTimeout(timer);",
    replace: "",
  },
  {
    name: "Who comes last goes before others of the same priority.",
    file: queue,
    search: "return priority < this.#nextPriority;",
    replace: "return priority <= this.#nextPriority;",
  },
  {
    name: "Who is overtaken goes behind others of the same priority.",
    file: queue,
    search: ".unshift(this.#next)",
    replace: ".push(this.#next)",
  },
  {
    name: "Who comes last goes before those who wait.",
    file: queue,
    search: "return this.#size === 0 || priority < this.#min;",
    replace: "return true;",
  },
  {
    name: "A task goes on when it is another one's turn.",
    file: queue,
    search: "if (this.#next !== routine)",
    replace: "if (!routine.enqueued)",
  },
  {
    name: "A resource of effection's is halted twice.",
    file: effectionTask,
    search: "this.#outcome !== undefined || this.#interrupted",
    replace: "this.#outcome !== undefined",
  },
  {
    name: "The failure of a resource of effection's goes nowhere.",
    file: effectionTask,
    search: "this.#owner.findBoundary().raise(result.error);",
    replace: ";",
  },
  {
    name: "What the cleanup of a resource of effection's throws is hidden.",
    file: effectionTask,
    search: "unbox(this.#outcome);",
    replace: ";",
  },
  {
    name: "A resource of effection's that has ended is halted with its group.",
    file: effectionTask,
    search: "this.#group?.tasks.delete(this);",
    replace: "",
  },
  {
    name: "The error of a resource that is halted is told to its owner's boundary.",
    file: effectionTask,
    search: "!result.ok && !this.#interrupted",
    replace: "!result.ok",
  },
];
