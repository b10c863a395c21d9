/** What an attack is, and how one is played: on a server of its own, among honest clients. */
import type {
  DrainReport,
  ListenOptions,
  LoopOptions,
} from "../../lib/index.ts";
import type { Health } from "./health.ts";
import { HonestClients, type Served } from "./honest.ts";
import { Target } from "./target.ts";

/** `small` is for `.ci/run`: seconds, and nothing that only time can end. `full` is for the table. */
export type Size = "small" | "full";

/** What became of the attackers: so many met this fate. */
export type Fates = Record<string, number>;

export interface Course {
  fates: Fates;
  /** What else the table should tell. */
  note?: string;
}

type Tally = DrainReport["tally"];

export interface Attack {
  name: string;
  /** How much of what is thrown at the server. */
  load: string;
  /** The server's, for this attack. */
  options?: LoopOptions;
  /** Where it listens, in place of what chooses the engine. */
  target?: ListenOptions;
  run(target: Target): Promise<Course>;
  expectations: {
    fates: Fates;
    /** Of the attackers' requests alone. Missing where it is a race, in part or as a whole. */
    tally?: Partial<Tally> | undefined;
    /** Warnings and errors that the server may log. */
    log?: RegExp;
    /** Honest clients may be told to come back later. */
    shedding?: boolean;
    /** MiB by which the server's memory may grow meanwhile. */
    growth: number;
  };
}

export interface Report {
  attack: Attack;
  course: Course;
  before: Health;
  after: Health;
  served: Served;
  /** All requests of the server's life. */
  tally: Tally;
  /** Without those of honest clients. */
  attackers: Tally;
  /** Warnings and errors of the server. */
  log: string[];
}

/** Milliseconds from one honest request to the next. */
const EVERY_MS = { small: 5, full: 10 };
/** Honest requests during an attack, however short: a p99 of fewer says nothing. */
const VISITS = { small: 30, full: 500 };
/** Honest requests before the first look at memory: by then code is compiled and caches are full. */
const WARM_UP = { small: 100, full: 2000 };
const WARM_UP_EVERY_MS = 1;

/** `engine`: what chooses it, as options of `listen()`. */
export async function play(
  attack: Attack,
  size: Size,
  engine: ListenOptions,
): Promise<Report> {
  const target = await Target.start(
    attack.options ?? {},
    attack.target ?? engine,
  );
  const honest = new HonestClients(target.port);
  try {
    await honest.begin(WARM_UP_EVERY_MS);
    const warmUp = await honest.end(WARM_UP[size]);
    const before = await target.health();
    await honest.begin(EVERY_MS[size]);
    const course = await attack.run(target);
    const served = await honest.end(VISITS[size]);
    const after = await target.health(before.files);
    const { tally, log } = await target.close();
    const attackers = without(tally, warmUp, served);
    return { attack, course, before, after, served, tally, attackers, log };
  } finally {
    await honest.leave();
    target.kill();
  }
}

function without(tally: Tally, ...all: Served[]): Tally {
  const rest = { ...tally };
  for (const { visits, shed } of all) {
    rest.accepted -= visits;
    rest.ok -= visits - shed;
    rest.shed -= shed;
  }
  return rest;
}
