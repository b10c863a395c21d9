/** What the doctor finds. */
import type { Key, Settings } from "../schema.ts";

/** Of every finding there can be: each is a heading of docs/doctor.md. */
export const CODES = [
  "node-version",
  "node-end-of-life",
  "engine",
  "open-files",
  "listen-queue",
  "memory",
  "settings",
  "tls-files",
  "tls-expires",
  "tls-chain",
  "tls-key-readable",
  "trust-everybody",
  "status-open",
  "uwsgi-open",
  "reload-in-production",
  "signals-lost",
  "grace",
  "secret-shown",
  "runs-as-root",
  "low-port",
  "loopback-in-container",
  "container-port",
  "file-syntax",
  "front-address",
  "front-not-trusted",
  "front-scheme",
  "front-http-1.0",
  "front-inheritance",
  "front-keep-alive",
  "front-idle-time",
  "front-forwarded-for",
  "front-forwarded-proto",
  "front-forwarded-host",
  "front-host",
  "front-buffering",
  "front-websocket",
  "front-retry",
  "front-body-size",
  "front-timeout",
  "front-proxy-protocol",
  "front-uwsgi-params",
  "systemd-type",
  "systemd-notify",
  "systemd-kill-mode",
  "systemd-restart",
  "systemd-reload",
  "systemd-path",
  "systemd-sandbox",
  "systemd-socket",
  "kubernetes-readiness",
  "kubernetes-rollout",
  "kubernetes-host-port",
  "worker-silent",
  "workers-restart",
  "loop-late",
  "requests-failed",
  "requests-shed",
  "connections-unserved",
  "part-out",
  "old-release",
] as const;

export type Code = (typeof CODES)[number];

export interface Finding {
  readonly code: Code;
  /** A file and its line, a setting, or what was asked. */
  readonly where: string;
  /** What is wrong. */
  readonly what: string;
  readonly todo: string;
}

/** What is wrong, and what of its row it says better. */
export interface Fault {
  readonly what: string;
  /** The line that says it. */
  readonly where?: string | undefined;
  /** For the cause that it is here. */
  readonly todo?: string;
}

/** A row of a table of checks. */
export interface Check<Subject> {
  readonly code: Code;
  /** What is wrong, as a sentence for the operator; a falsy value where nothing is. */
  readonly wrong: (subject: Subject) => string | Fault | false | undefined;
  /** What to do about it, unless `wrong` says it itself. */
  readonly todo?: string;
}

/** All that the checks find wrong with it. One that needs a setting which nobody here knows finds nothing. */
export function look<Subject>(
  where: string,
  subject: Subject,
  checks: readonly Check<Subject>[],
): Finding[] {
  return checks.flatMap(({ code, wrong, todo }) => {
    const fault = whatIsKnown(() => wrong(subject));
    if (!fault) return [];
    const { what, ...better } =
      typeof fault === "string" ? { what: fault } : fault;
    return [
      {
        code,
        where: better.where ?? where,
        what,
        todo: better.todo ?? todo!,
      },
    ];
  });
}

function whatIsKnown<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof UnknownSetting) return undefined;
    throw error;
  }
}

/** What is known of the eddy that is meant: its settings, and which of them somebody has given. */
export interface Setup {
  /** @throws {UnknownSetting} for one of `unknown`. */
  readonly settings: Settings;
  /** Settings that somebody gives where the doctor does not see it. */
  readonly unknown: ReadonlySet<Key>;
  /** What is no setting, and no error. */
  readonly warnings: readonly string[];
  readonly given: ReadonlySet<Key>;
}

/** Somebody asks for a setting that is not known. */
export class UnknownSetting extends Error {}

/** What came of files that belong together. */
export interface Look {
  readonly findings: readonly Finding[];
  /** Those that have something of eddy, or belong to one that has. */
  readonly known: readonly string[];
  /** What was not to be seen. */
  readonly notes: readonly string[];
}

export const allOf = (looks: readonly Look[]): Look => ({
  findings: looks.flatMap(({ findings }) => findings),
  known: looks.flatMap(({ known }) => known),
  notes: looks.flatMap(({ notes }) => notes),
});

/** Two ways to the same line may share what is wrong. */
export const once = (findings: readonly Finding[]): Finding[] => [
  ...new Map(
    findings.map((one) => [`${one.code} ${one.where} ${one.what}`, one]),
  ).values(),
];

export const seconds = (ms: number): string => `${ms / 1000} s`;
