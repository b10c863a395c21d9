/**
 * The engines that keep to one contract, and the suites that hold each of them to it: the wire corpus, exchanges,
 * replies, bodies, limits, the end of connections, drain, and the hostile clients.
 */
import type { ListenOptions, Loop, LoopOptions } from "../../lib/index.ts";
import { serveWith, type TestServer } from "./server.ts";

export interface TestedEngine {
  readonly name: string;
  /** What chooses it, as options of `listen()`. */
  readonly options: ListenOptions;
  /** As `serveWith`, on this engine. */
  serveWith(
    setup: (loop: Loop) => unknown,
    options?: Omit<LoopOptions, "log">,
  ): Promise<TestServer>;
}

/** Which of them are tested: the name of one, or `all`, the default. */
const { TEST_ENGINE = "all" } = process.env;

/** A further engine is a further line. */
export const ENGINES: readonly TestedEngine[] = [
  engine("uws", { engine: "uws" }),
  engine("node", { engine: "node" }),
].filter(({ name }) => TEST_ENGINE === "all" || TEST_ENGINE === name);

function engine(name: string, options: ListenOptions): TestedEngine {
  return {
    name,
    options,
    serveWith: (setup, of) => serveWith(setup, of, options),
  };
}

/** The suite, once for each engine. */
export function onEachEngine(suite: (engine: TestedEngine) => void): void {
  for (const one of ENGINES) describe(`Engine ${one.name}:`, () => suite(one));
}
