import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { Context } from "effection";
import { USUAL_ENGINE } from "../../support/server.ts";
import {
  NAMES,
  observed,
  probe,
  type Observation,
  type Queue,
} from "../../../lib/kernel/contract.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const CONTRACT = new URL("../../../lib/kernel/contract.js", import.meta.url);

describe("The contract with effection", () => {
  it("holds for the installed effection", () => {
    expect(probe()).to.deep.equal([]);
  });

  for (const [use, name] of Object.entries(NAMES))
    it(`names the context of the ${use} when it has another name`, () => {
      const contexts = new Map(observed.contexts);
      contexts.delete(name);
      expect(probe({ ...observed, contexts }).join()).to.include(
        `effection no longer has the context ${name} (${use})`,
      );
    });

  const changes: Record<string, Partial<Observation>> = {
    'the reducer of effection has no function "schedule"': {
      contexts: withDefault(NAMES.reducer, { reducing: false }),
    },
    'the reducer of effection has no boolean "reducing"': {
      contexts: withDefault(NAMES.reducer, { schedule() {} }),
    },
    'the default task group of effection has no object "tasks"': {
      contexts: withDefault(NAMES.group, {}),
    },
    "effection makes a task by @effection/reducer, owner.ensure; the kernel knows @effection/reducer, @effection/coroutine.settle, api::Scope, @effection/task-group, owner.ensure, scope.ensure":
      { making: new Set([NAMES.reducer, "owner.ensure"]) },
    "effection takes 6 passes for an empty task, its body at the 4th; the kernel takes 7 and 4":
      { passes: 6 },
    "effection takes 7 passes for an empty task, its body at the 3th; the kernel takes 7 and 4":
      { passesBefore: 3 },
    'the reducer\'s queue of effection has no function "enqueue"': {
      queue: { dequeue() {} } as unknown as Queue,
    },
    'the reducer\'s queue of effection has no function "dequeue"': {
      queue: { enqueue() {} } as unknown as Queue,
    },
    ...without("scope", "a scope", ["ensure"]),
    ...without("routine", "a routine", [
      "scope",
      "resume",
      "unwind",
      "step",
      "perform",
    ]),
    ...Object.fromEntries(
      ["exit", "resumeWith", "enqueued", "critical", "unwinding"].map(
        (member) => [
          `a routine's data of effection has no ${typeof observed.routine!.data[member as "exit"]} "${member}"`,
          {
            routine: {
              ...observed.routine!,
              data: { ...observed.routine!.data, [member]: undefined! },
            },
          },
        ],
      ),
    ),
  };

  for (const [sentence, change] of Object.entries(changes))
    it(`says: ${sentence}`, () => {
      expect(probe({ ...observed, ...change })).to.deep.equal([sentence]);
    });

  it("is watched by the kernel: where it is broken, tasks run on effection's own runtime, and the log says so once", async function () {
    this.timeout(30_000);
    const { log, replies, kernel } = await runBroken(`
      const { Loop } = await import("eddy");
      const { race, sleep, resource } = await import("eddy/operations");
      const effection = await import("effection");
      const { pino } = await import("pino");
      const log = [];
      const to = { write: (line) => void log.push(JSON.parse(line)) };
      const loop = new Loop({ log: pino({ level: "warn" }, to), engine: "${USUAL_ENGINE}" });
      new Loop({ log: pino({ level: "warn" }, to) });
      loop.get("/operation", function* () {
        yield* race([sleep(1000), sleep(1)]);
        return yield* resource((provide) => provide("done"));
      });
      loop.get("/scope", (request) => request.scope.run(function* () { yield* sleep(1); return "done"; }));
      const { url } = await loop.listen({ port: 0, host: "127.0.0.1" });
      const replies = [];
      for (const path of ["/operation", "/scope"]) replies.push(await (await fetch(url + path)).text());
      await loop.close();
      console.log(JSON.stringify({ log: log.map(({ msg }) => msg), replies, kernel: race !== effection.race }));
    `);
    expect(replies).to.deep.equal(["done", "done"]);
    expect(kernel).to.equal(false);
    expect(log).to.have.length(1);
    expect(log[0]).to.match(/^tasks run on effection's own runtime.* 9 passes/);
  });

  it("may be broken: the seam and the exchanges then behave as they do otherwise", async function () {
    this.timeout(60_000);
    await run([
      "--import",
      moduleOf(`${BREAK}\n${TAKE_WARNING}`),
      `${ROOT}/node_modules/mocha/bin/mocha.js`,
      "--no-config",
      "--no-package",
      "--timeout=20000",
      `--require=${ROOT}/dist/test/support/hooks.js`,
      `${ROOT}/dist/test/lib/kernel/fork.test.js`,
      `${ROOT}/dist/test/lib/exchange/exchange.test.js`,
    ]);
  });
});

/** Run first in a process, this makes effection look like another version. */
const BREAK = `import { observed } from ${JSON.stringify(CONTRACT.href)}; observed.passes = 9;`;

/** The tests of exchanges take no line in the log that they do not expect. */
const TAKE_WARNING = `
  const { attach, takeWarning } = await import(${JSON.stringify(new URL("fork.js", CONTRACT).href)});
  await attach(undefined, { onError() {} }).destroy();
  takeWarning();
`;

async function runBroken(
  program: string,
): Promise<{ log: string[]; replies: string[]; kernel: boolean }> {
  const { stdout } = await run([
    "--input-type=module",
    "--eval",
    `${BREAK}\n${program}`,
  ]);
  return JSON.parse(stdout);
}

function run(args: string[]): Promise<{ stdout: string }> {
  const cwd = `${ROOT}/dist`; // where `eddy` is the copy that is broken
  return promisify(execFile)(process.execPath, args, { cwd });
}

function moduleOf(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

function withDefault(
  name: string,
  defaultValue: object,
): Map<string, Context<unknown>> {
  const context = { ...observed.contexts.get(name)!, defaultValue };
  return new Map(observed.contexts).set(name, context);
}

function without(
  part: "scope" | "routine",
  what: string,
  members: string[],
): Record<string, Partial<Observation>> {
  return Object.fromEntries(
    members.map((member) => {
      const whole = observed[part]! as unknown as Record<string, unknown>;
      const copy = { ...Object.getPrototypeOf(whole), ...whole };
      delete copy[member];
      const type = typeof whole[member];
      return [
        `${what} of effection has no ${type} "${member}"`,
        { [part]: copy },
      ];
    }),
  );
}
