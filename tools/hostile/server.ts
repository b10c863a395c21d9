/** The attacked server, a process of its own: `server.js OPTIONS ENGINE`, told what to do by messages. */
import { pino } from "pino";
import {
  Loop,
  type DrainReport,
  type ListenOptions,
  type LoopOptions,
} from "../../lib/index.ts";
import { CERTIFICATE } from "../../test/support/certificate.ts";
import { mountAll } from "./applications.ts";
import { held } from "./held.ts";
import { settledHealth, until, type Activity, type Health } from "./health.ts";

export type Question =
  | { ask: "live"; least: number; most: number }
  | { ask: "health"; files: number }
  | { ask: "close" };

export type Answer =
  | { tell: "port"; port: number; tlsPort: number }
  | { tell: "live" }
  | { tell: "health"; health: Health }
  | { tell: "closed"; tally: DrainReport["tally"]; log: string[] };

/** Of the log, enough to see what is wrong. */
const LINES = 20;

const log: string[] = [];
const loop = new Loop({
  ...(JSON.parse(process.argv[2] ?? "{}") as LoopOptions),
  drainTimeoutMs: 1000, // when it closes nothing is left to be waited for
  stallWarnMs: Infinity, // how long honest clients wait is measured; a warning would say how busy the machine is
  log: pino(
    { level: "warn" },
    { write: (line: string) => void (log.length < LINES && log.push(line)) },
  ),
});
mountAll(loop);
const address = {
  ...(JSON.parse(process.argv[3] ?? "{}") as ListenOptions),
  port: 0,
  host: "127.0.0.1",
};
const { port } = await loop.listen(address);
const { port: tlsPort } = await loop.listen({ ...address, tls: CERTIFICATE });

const tell = (answer: Answer): void => void process.send?.(answer);
const activity = (): Activity => ({
  live: loop.tasks().exchanges.length + loop.socketCounts.open,
  held: held.count,
  upgraded: loop.socketCounts.opened,
});

async function answer(question: Question): Promise<void> {
  if (question.ask === "live") {
    const { least, most } = question;
    await until(() => activity().live >= least && activity().live <= most);
    return tell({ tell: "live" });
  }
  if (question.ask === "health")
    return tell({
      tell: "health",
      health: await settledHealth(activity, question.files),
    });
  const { tally } = await loop.close();
  tell({ tell: "closed", tally, log });
  process.disconnect();
}

process.on("message", (question: Question) => void answer(question));
process.on("disconnect", () => process.exit()); // whoever attacks it has gone
tell({ tell: "port", port: port!, tlsPort: tlsPort! });
