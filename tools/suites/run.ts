/** Runs a suite, on node:http or on loops, and gives what has passed. */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

/** The full titles of the tests that have passed. */
export type Passed = ReadonlySet<string>;

const HOOK = pathToFileURL(join(import.meta.dirname, "hook.js")).href;

/** What it prints. A file of tests that does not end is ended, and has passed nothing. */
async function output(
  cwd: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  limitMs: number,
): Promise<string> {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, NODE_ENV: "test", ...env },
    stdio: ["ignore", "pipe", "ignore"],
    timeout: limitMs,
    killSignal: "SIGKILL",
  });
  return await text(child.stdout);
}

/** Of a whole suite, and of a file of one; the machine may be busy. */
const SUITE_MS = 600_000;
const FILE_MS = 30_000;

/** `loops`: how many have to listen beforehand. */
const served = (on: boolean, loops: number): NodeJS.ProcessEnv =>
  on ? { NODE_OPTIONS: `--import ${HOOK}`, SUITE_LOOPS: String(loops) } : {};

interface MochaReport {
  readonly passes: readonly { fullTitle: string }[];
}

export async function runMocha(folder: string, on: boolean): Promise<Passed> {
  const args = [
    "node_modules/mocha/bin/mocha.js",
    "--require",
    "test/support/env",
    "--reporter",
    "json",
    "--exit",
    "--check-leaks",
    "test/",
    "test/acceptance/",
  ];
  const printed = await output(folder, args, served(on, 60), SUITE_MS);
  const report = JSON.parse(
    printed.slice(printed.indexOf("{\n")),
  ) as MochaReport;
  return numbered(report.passes.map(({ fullTitle }) => fullTitle));
}

/** Titles that are there twice are told apart. */
function numbered(titles: readonly string[]): Set<string> {
  const seen = new Map<string, number>();
  return new Set(
    titles.map((title) => {
      const times = (seen.get(title) ?? 0) + 1;
      seen.set(title, times);
      return times === 1 ? title : `${title} (${times})`;
    }),
  );
}

/** Files of node:test, two at a time. */
export async function runNodeTest(
  folder: string,
  on: boolean,
  isChosen: (file: string) => boolean,
): Promise<Passed> {
  const files = readdirSync(join(folder, "test"), {
    recursive: true,
    encoding: "utf8",
  }).filter((file) => file.endsWith(".test.js") && isChosen(file));
  const titles: string[] = [];
  const next = files.values();
  const worker = async (): Promise<void> => {
    for (const file of next) {
      const args = [
        "--test-force-exit",
        "--test-reporter=tap",
        join("test", file),
      ];
      const printed = await output(folder, args, served(on, 0), FILE_MS);
      titles.push(...passedIn(printed).map((title) => `${file}: ${title}`));
    }
  };
  await Promise.all([worker(), worker()]);
  return numbered(titles);
}

/** A test that waits for ever takes those behind it in its file along: whether this one passes without it. */
export async function passesAlone(
  folder: string,
  test: string,
): Promise<boolean> {
  const [, file = "", title = ""] = /^(.*?): (.*?)(?: \(\d+\))?$/.exec(test)!;
  const pattern = title.replace(/[^\w ]/g, ".");
  const args = ["--test-force-exit", `--test-name-pattern=${pattern}`];
  const printed = await output(
    folder,
    [...args, "--test-reporter=tap", join("test", file)],
    served(true, 0),
    FILE_MS,
  );
  return /^ *ok \d/m.test(printed) && !/^ *not ok \d/m.test(printed);
}

/** Of TAP: the tests that have none below them. */
function passedIn(tap: string): string[] {
  const lines = tap.split("\n").filter((line) => /^ *(not )?ok \d/.test(line));
  return lines.flatMap((line, i) => {
    const isParent = depth(lines[i - 1] ?? "") > depth(line);
    const [, title] = /^ *ok \d+ - (.*?)(?: # .*)?$/.exec(line) ?? [];
    return title === undefined || isParent ? [] : [title];
  });
}

const depth = (line: string): number => /^ */.exec(line)![0].length;
