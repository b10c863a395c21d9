/** Blocks for a shell: each of their commands is read as whoever it calls would, and is run here or in another test. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import {
  commandLine,
  type Actions,
  type Flags,
} from "../../lib/cli/command-line.ts";
import { configure } from "../../lib/cli/configure.ts";
import { importFile } from "../../lib/cli/import/import.ts";
import type { Settings } from "../../lib/cli/schema.ts";
import { PYTHON } from "../support/python.ts";
import { ROOT } from "../support/root.ts";
import { writeFiles } from "../support/snippets.ts";
import { expectTests, type Entry, type Here } from "./entry.ts";

/** One of a block, without its comment. */
export interface Command {
  readonly line: string;
  readonly env: Readonly<Record<string, string>>;
  /** Its program and what that is given; behind a `>` nothing. */
  readonly words: readonly string[];
}

export type Test = (command: Command, here: Here) => void | Promise<void>;

/** A test for each command, in their order; two that `&&` joins are two. */
export const sh = (
  tests: readonly Test[],
  { missing }: Pick<Entry, "missing"> = {},
): Entry => ({
  language: "sh",
  ...(missing && { missing }),
  async test(here) {
    const commands = commandsIn(here.text);
    expect(
      tests.length,
      `entries for: ${commands.map(({ line }) => line).join("; ")}`,
    ).to.equal(commands.length);
    for (const [i, command] of commands.entries()) {
      if (isEddy(command)) await parse(command);
      await tests[i]!(command, here);
    }
  },
});

/** The commands of a block. A loop is read as its body, with the first of its values. */
export function commandsIn(text: string): Command[] {
  const lines = text
    .replace(/^#!.*\n/, "")
    .replaceAll(/\\\n\s*/g, "")
    .replaceAll(/(^| +)# .*$/gm, "")
    .replaceAll(
      /^for (\w+) in (\S+).*; do (.*) & done$/gm,
      (_, name: string, first: string, body: string) =>
        body.replaceAll(`$${name}`, first),
    )
    .split(/\n| && /);
  return lines.filter(Boolean).map((line) => {
    const words = line.replace(/ > .*/, "").match(/"[^"]*"|\S+/g)!;
    const assigned = words.findIndex((word) => !/^\w+=/.test(word));
    return {
      line,
      env: Object.fromEntries(
        words.slice(0, assigned).map((word) => word.split("=", 2)),
      ) as Record<string, string>,
      words: words.slice(assigned),
    };
  });
}

const isEddy = ({ words }: Command): boolean =>
  words[words[0] === "npx" ? 1 : 0] === "eddy";

/** What the command would do: the name of the action, and what it is given. */
async function parse({
  words,
}: Command): Promise<{ action: string; flags: Flags; given: unknown[] }> {
  const calls: { action: string; flags: Flags; given: unknown[] }[] = [];
  const take =
    (action: string) =>
    async (...args: unknown[]): Promise<void> =>
      void calls.push({
        action,
        flags: args.at(-1) as Flags,
        given: args.slice(0, -1),
      });
  const names = "run config check reload top profile doctor import".split(" ");
  const actions = Object.fromEntries(names.map((name) => [name, take(name)]));
  const args = words.slice(words.indexOf("eddy") + 1);
  await commandLine("0", actions as unknown as Actions).parseAsync(args, {
    from: "user",
  });
  return calls[0]!;
}

/** eddy, which gets these settings by it. `tests` have it run. */
export const gives =
  (settings: Partial<Settings>, ...tests: string[]): Test =>
  async (command) => {
    const { action, flags } = await parse(command);
    expect(action).to.equal("run");
    const configuration = await configure(flags, {
      env: command.env,
      folders: [],
    });
    expect(configuration.settings).to.deep.include(settings);
    expectTests(tests);
  };

/** eddy, for something else than to serve. */
export const does =
  (action: keyof Actions, ...tests: string[]): Test =>
  async (command) => {
    expect((await parse(command)).action).to.equal(action);
    expectTests(tests);
  };

/** `eddy import`, of these files: what it prints is a config file of these settings. */
export const imports =
  (
    files: Readonly<Record<string, string>>,
    settings: Partial<Settings>,
  ): Test =>
  async (command, { folder }) => {
    writeFiles(folder, files);
    const { action, given } = await parse(command);
    expect(action).to.equal("import");
    const [file, words] = given as [string, string[]];
    const { config } = importFile(file, PYTHON, words);
    const [, target] = / > (\S+)$/.exec(command.line)!;
    writeFiles(folder, { [target!]: config });
    const configuration = await configure(
      { config: join(folder, target!) },
      { env: {}, folders: [] },
    );
    expect(configuration.settings).to.deep.include(settings);
    expect(configuration.warnings).to.deep.equal([]);
  };

/** Runs as it stands, in the folder of the block, and ends with 0. */
export const runs: Test = ({ line }, { folder }) => {
  const { status, stderr } = spawnSync(line, {
    cwd: folder,
    shell: true,
    encoding: "utf8",
  });
  expect(status, stderr).to.equal(0);
};

/** It runs there. */
export const tested =
  (...tests: string[]): Test =>
  () =>
    expectTests(tests);

/** It needs what a test has not. */
export const unheard =
  (_why: string): Test =>
  () => {};

const { scripts, devDependencies } = JSON.parse(
  readFileSync(join(ROOT, "package.json"), "utf8"),
) as Record<"scripts" | "devDependencies", Record<string, string>>;

/** `npm start`, `npm run NAME`, in a checkout. */
export const hasScript: Test = ({ words }) => {
  expect(words[0]).to.equal("npm");
  expect(scripts).to.have.property(
    words[1] === "run" ? words.at(-1)! : words[1]!,
  );
};

/** `npm install`, of packages that the tests have, too. */
export const installs: Test = ({ words }) => {
  expect(words.slice(0, 2)).to.deep.equal(["npm", "install"]);
  for (const name of words.slice(2))
    expect(devDependencies).to.have.property(name);
};
