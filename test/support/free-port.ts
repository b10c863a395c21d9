/**
 * For those who cannot be told to take any, or who must get it again later: none that the system hands out meanwhile.
 */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below those that Linux, macOS and Windows give to who takes any. Each of Mocha's processes has a part of its own. */
const [LOWEST, EACH, PROCESSES] = [10_000, 2750, 8];
const worker = Number(process.env["MOCHA_WORKER_ID"] ?? 0) % PROCESSES;
const FIRST = LOWEST + worker * EACH;

/** A port is free again before its server has it. */
const given = new Set<number>();

export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, FIRST + EACH);
    if (given.has(port)) continue;
    given.add(port);
    const probe = createServer().listen(port, "127.0.0.1");
    try {
      await once(probe, "listening"); // fails with an error of the probe
    } catch {
      continue;
    }
    probe.close();
    await once(probe, "close");
    return port;
  }
}
