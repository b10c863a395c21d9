/** The messages between supervisor and workers. Types only. */
import type { AddressInfo } from "node:net";
import type {
  Address,
  ApplicationStatus,
  CloseLimits,
  LoopTasks,
  Tally,
} from "../index.ts";
import type { ConnectionCounts } from "../engine/visits.ts";
import type { AppSpec } from "./app-spec.ts";
import type { Key, Settings } from "./schema.ts";

/** What a worker needs to start. */
export interface Orders {
  readonly settings: Settings;
  /** The settings that were given. They override the application's own options. */
  readonly explicit: readonly Key[];
  readonly specs: readonly AppSpec[];
  /** Where the supervisor accepts for front servers that speak uwsgi. */
  readonly uwsgi: string | AddressInfo | undefined;
}

/** The state of a worker. */
export interface Report {
  readonly tally: Readonly<Tally>;
  readonly inFlight: number;
  readonly applications: readonly ApplicationStatus[];
  readonly connections: ConnectionCounts;
  /** Requests that run, and the one that came last. */
  readonly suspects: readonly string[];
  /** Bytes. */
  readonly rss: number;
  /** How late timers were since the last report, in milliseconds. */
  readonly loopDelayMs: { readonly mean: number; readonly max: number };
}

export type ToWorker =
  | { type: "start"; orders: Orders }
  /** End when running requests have finished; open connections get one more request within this time. */
  | { type: "close"; lingerMs: number }
  /** End without waiting for requests. */
  | { type: "stop" }
  /** Sent with the connection of a front server. */
  | { type: "connection"; id: number }
  | { type: "reopen" }
  | { type: "ask"; id: number; question: Question };

export type Question = { about: "tasks" } | { about: "halt"; exchange: string };

export interface Answers {
  tasks: LoopTasks;
  halt: boolean;
}

export type FromWorker =
  /** The limits are those of the loop, which may be the application's own. */
  | {
      type: "ready";
      addresses: readonly Address[];
      closeLimits: CloseLimits;
    }
  | { type: "failed"; message: string; exitCode: number }
  /** A connection has arrived, and the supervisor lets go of it. */
  | { type: "taken"; id: number }
  | { type: "report"; report: Report }
  /** At the end, whatever ends it: what no report has said yet. */
  | { type: "last"; report: Pick<Report, "tally" | "suspects"> }
  /** The files of the application that it has loaded. */
  | { type: "imported"; files: readonly string[] }
  | { type: "answer"; id: number; answer: unknown };
