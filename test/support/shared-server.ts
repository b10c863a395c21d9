/** Servers for all tests of a suite, where applications take long to start. */
import { setTimeout } from "node:timers/promises";
import { after, afterEach, before } from "mocha";
import type { Loop, LoopOptions } from "../../lib/index.ts";
import type { TestedEngine } from "./engines.ts";
import { serveWith, type TestServer } from "./server.ts";

/**
 * A server that is started before the tests of this suite and closed behind them. After each test its requests are
 * waited for, and its log is checked and emptied.
 */
export function shareServer(
  setup: (loop: Loop) => unknown,
  options?: Omit<LoopOptions, "log">,
  engine: Pick<TestedEngine, "serveWith"> = { serveWith },
): () => TestServer {
  let server: TestServer;
  before(async () => {
    server = await engine.serveWith(setup, options);
    server.kept = true;
  });
  afterEach(async () => {
    while (isBusy(server)) await setTimeout(1);
    server.clearLog();
  });
  after(() => server.close());
  return () => server;
}

function isBusy({ loop }: TestServer): boolean {
  const { accepted, ...outcomes } = loop.tally;
  return Object.values(outcomes).reduce((a, b) => a + b) < accepted;
}
