/** The messages between supervisor and workers. Types only. */
import type { AddressInfo } from "node:net";
import type {
  Address,
  ApplicationStatus,
  CloseLimits,
  ListenOptions,
  LoopTasks,
  RouteFigures,
  SocketCounts,
  Tally,
} from "../index.ts";
import type { ConnectionCounts } from "../engine/visits.ts";
import type { AppSpec } from "./app-spec.ts";
import type { LoopDelay } from "../status/loop-delay.ts";
import type { Chunk } from "../engine/message.ts";
import type { Key, Settings } from "./schema.ts";

/** What a worker needs to start. */
export interface Orders {
  readonly settings: Settings;
  /** The settings that were given. They override the application's own options. */
  readonly explicit: readonly Key[];
  readonly specs: readonly AppSpec[];
  /** Of its environment, beside what its process was started with. */
  readonly variables: NodeJS.ProcessEnv;
  /** Where it listens for HTTP. */
  readonly listen: readonly ListenOptions[];
  /** Where the supervisor accepts for front servers that speak uwsgi. */
  readonly uwsgi: string | AddressInfo | undefined;
}

/** The state of a worker. */
export interface Report {
  readonly tally: Readonly<Tally>;
  readonly inFlight: number;
  readonly applications: readonly ApplicationStatus[];
  readonly connections: ConnectionCounts;
  readonly sockets: SocketCounts;
  /** Requests that run, and the one that came last. */
  readonly suspects: readonly string[];
  /** Of the mounts of which there is something new since the last report: since the start. */
  readonly figures: readonly RouteFigures[];
  /** Bytes. */
  readonly rss: number;
  /** How late timers were since the last report, in milliseconds. */
  readonly loopDelayMs: LoopDelay;
  /** Of its logs, since its start. */
  readonly linesLost: number;
}

/** What counts when it has ended. */
export type LastReport = Pick<Report, "tally" | "suspects" | "figures">;

export type ToWorker =
  /** Before its orders: load uWebSockets.js, and tell whether it does. */
  | { type: "try" }
  | { type: "start"; orders: Orders }
  /** End when running requests have finished; open connections get one more request within this time. */
  | { type: "close"; lingerMs: number }
  /** End without waiting for requests. */
  | { type: "stop" }
  /** Sent with the connection of a front server. */
  | { type: "connection"; id: number }
  | { type: "reopen" }
  /** Another worker has published it, and this one has subscribed. */
  | { type: "published"; topic: string; message: Chunk }
  | { type: "ask"; id: number; question: Question };

export type Question =
  /** At most so many exchanges and sockets, the oldest. */
  | { about: "tasks"; oldest: number }
  | { about: "halt"; exchange: string }
  | { about: "profile"; order: ProfileOrder };

/** `ms`: how long the CPU is watched. */
export interface ProfileOrder {
  readonly kind: "cpu" | "heap";
  readonly ms: number;
}

export interface Answers {
  tasks: LoopTasks;
  halt: boolean;
  /** The file that it is in, or why there is none. */
  profile: { file: string } | { failure: string };
}

export type FromWorker =
  /** Why uWebSockets.js does not load; nothing where it does. */
  | { type: "tried"; fault: string }
  /** The limits are those of the loop, which may be the application's own. */
  | {
      type: "ready";
      addresses: readonly Address[];
      closeLimits: CloseLimits;
    }
  /** Somebody has sent it a TERM of its own: it waits for the order to close. */
  | { type: "leaving" }
  /** It has begun to close, and takes no new connections any more. */
  | { type: "stoppedListening" }
  | { type: "failed"; message: string; exitCode: number }
  /** Sockets of all other workers shall have it. */
  | { type: "publish"; topic: string; message: Chunk }
  /** Its first socket has subscribed, and its last one has left. */
  | { type: "subscribe" | "unsubscribe"; topic: string }
  /** A connection has arrived, and the supervisor lets go of it. */
  | { type: "taken"; id: number }
  | { type: "report"; report: Report }
  /** At the end, whatever ends it: what no report has said yet. */
  | { type: "last"; report: LastReport }
  /** The application's files that it has loaded or lacks, as they were at `since` or later: milliseconds since 1970. */
  | { type: "imported"; files: readonly string[]; since: number }
  | { type: "answer"; id: number; answer: unknown };
