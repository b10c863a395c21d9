/** Blocks that are programs, or become one with what the text around them has made: run, and asked. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { loadApp } from "../../lib/cli/load-app.ts";
import { Loop, type LoopOptions } from "../../lib/index.ts";
import {
  loopOptions,
  loopServes,
  type WouldListen,
} from "../../lib/loop/command.ts";
import { freePort } from "../support/free-port.ts";
import { afterTest } from "../support/hooks.ts";
import { PYTHON } from "../support/python.ts";
import { startServer } from "../support/server-process.ts";
import { ask, type Asked } from "./asking.ts";
import { expectTests, type Entry, type Here } from "./entry.ts";

export interface Program {
  /** What the text before it has made. */
  readonly before?: string;
  /** What makes a program of it, where it is a part of one. */
  readonly after?: string;
  /** Earlier blocks of the page that stand in front of it. */
  readonly parts?: readonly number[];
  /** Files in its folder: their text, or the block of the page that they are. */
  readonly files?: Readonly<Record<string, string | number>>;
  /** Why it cannot run here. */
  readonly missing?: () => string | undefined;
  /** Starts what it needs. Gives what stands in its files in place of what. */
  readonly stage?: (here: Here) => Promise<Readonly<Record<string, string>>>;
  readonly asks?: readonly Asked[];
  /** Asks at a port, where it listens for that. */
  readonly talk?: (port: number) => Promise<void>;
  /** What it prints. */
  readonly prints?: readonly string[];
  /** It is not a program, but exports an application, which the command would run. */
  readonly exported?: true;
  /** In a process of its own: it changes that, or never ends by itself. */
  readonly byNode?: true;
  /** Further tests, of what it takes more for than a second. */
  readonly tests?: readonly string[];
}

export const ts = (program: Program): Entry => entryOf("ts", program);

export const js = (program: Program): Entry => entryOf("js", program);

function entryOf(language: "ts" | "js", program: Program): Entry {
  const { parts = [], files = {}, missing, tests = [] } = program;
  const blocks = Object.values(files).filter((one) => typeof one === "number");
  return {
    language,
    uses: [...parts, ...blocks],
    ...(missing && { missing }),
    sources: (here) => ({
      [`program.${language}`]: whole(here, program),
      ...Object.fromEntries(
        Object.entries(files).map(([name, one]) => [
          name,
          typeof one === "number" ? here.other(one).text : one,
        ]),
      ),
    }),
    async test(here) {
      expectTests(tests);
      await runOf(here, program);
    },
  };
}

function whole({ other, text }: Here, program: Program): string {
  const { before = "", parts = [], after = "" } = program;
  const earlier = parts.map((number) => other(number).text);
  return [before, ...earlier, text, after, "export {};", ""].join("\n");
}

async function runOf(here: Here, program: Program): Promise<void> {
  const { stage, asks = [], talk, prints, byNode } = program;
  if (stage) replaceIn(here.folder, await stage(here));
  findPython();
  if (byNode) return await askProcess(here.folder, asks);
  const { printed, exports } = await running(
    here,
    async ({ loop, port }) => {
      if (asks.length > 0) expect(loop, "a loop").to.be.an("object");
      for (const one of asks)
        await ask((path, init) => loop!.fetch(path, init), one);
      await talk?.(port!);
    },
    program,
  );
  await exports;
  if (prints !== undefined) expect(printed).to.deep.equal(prints);
}

function replaceIn(
  folder: string,
  replacements: Readonly<Record<string, string>>,
): void {
  for (const file of readdirSync(folder).filter((one) => one.endsWith(".js")))
    for (const [text, other] of Object.entries(replacements)) {
      const path = join(folder, file);
      writeFileSync(path, readFileSync(path, "utf8").replaceAll(text, other));
    }
}

/** The one that the other tests take, for which its packages are installed. */
function findPython(): void {
  const { PATH } = process.env;
  process.env["PATH"] = `${dirname(PYTHON)}:${PATH}`;
  afterTest(() => (process.env["PATH"] = PATH));
}

interface Running {
  /** Undefined: it has none listen. */
  readonly loop: Loop | undefined;
  readonly port: number | undefined;
}

interface Run {
  readonly printed: readonly string[];
  readonly exports: Promise<unknown>;
}

/**
 * As the command would, without its processes. Its loops do not listen, unless somebody wants to talk to the first of
 * them by a port.
 */
export async function running(
  { folder }: Here,
  use: (running: Running) => Promise<void>,
  { talk, exported }: Program = {},
): Promise<Run> {
  const file = join(folder, "program.js");
  const printed = keepPrinted();
  keepSignals();
  const taken = takeLoop(talk !== undefined);
  const url = pathToFileURL(file);
  url.search = String((runs += 1)); // anew, where another block has run it
  const exports = import(url.href) as Promise<unknown>;
  const [loop, port] = exported
    ? [await exportedBy(file)]
    : await Promise.race([taken.loop, exports.then(() => taken.orNone())]);
  try {
    await use({ loop, port });
  } finally {
    await loop?.close();
  }
  return { printed, exports };
}

let runs = 0;

type Taken = readonly [loop?: Loop, port?: number | undefined];

function takeLoop(listens: boolean): {
  /** The first that would listen. */
  loop: Promise<Taken>;
  /** The same, or that there is none so far. */
  orNone: () => Taken | Promise<Taken>;
} {
  let isOurs = false;
  let first: Taken | Promise<Taken> | undefined;
  let resolve!: (taken: Taken | Promise<Taken>) => void;
  const taken = new Promise<Taken>((take) => (resolve = take));
  const listen = async (loop: Loop): Promise<Taken> => {
    isOurs = true;
    const address = loop.listen({ port: 0, host: "127.0.0.1" });
    isOurs = false;
    return [loop, (await address).port];
  };
  const take = (message: unknown): void => {
    if (isOurs) return;
    const would = message as WouldListen;
    const loop = would.loop as Loop;
    would.address = Promise.resolve({ url: "http://localhost:8000" });
    first ??= listens ? listen(loop) : [loop];
    resolve(first);
  };
  const quiet = (options: unknown): void => {
    (options as LoopOptions).log = false;
  };
  loopOptions.subscribe(quiet);
  loopServes.subscribe(take);
  afterTest(() => {
    loopOptions.unsubscribe(quiet);
    loopServes.unsubscribe(take);
  });
  return { loop: taken, orNone: () => first ?? [] };
}

async function exportedBy(file: string): Promise<Loop> {
  const written = { prefix: "/", written: file, file, name: undefined };
  const app = await loadApp({ ...written, kind: "module" }, {});
  return app instanceof Loop ? app : new Loop({ log: false }).mount(app);
}

function keepPrinted(): string[] {
  const printed: string[] = [];
  const { log } = console;
  console.log = (text: unknown) => printed.push(String(text));
  afterTest(() => (console.log = log));
  return printed;
}

function keepSignals(): void {
  const before = process.listeners("SIGHUP");
  afterTest(() => {
    for (const one of process.listeners("SIGHUP"))
      if (!before.includes(one)) process.off("SIGHUP", one);
  });
}

async function askProcess(
  folder: string,
  asks: readonly Asked[],
): Promise<void> {
  const port = await freePort();
  replaceIn(folder, { "(8000)": `({ port: ${port}, host: "127.0.0.1" })` });
  await startServer(port, process.execPath, ["program.js"], { cwd: folder });
  for (const one of asks)
    await ask(
      (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init),
      one,
    );
}
