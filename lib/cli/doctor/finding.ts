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

/** A row of a table of checks. */
export interface Check<Subject> {
  readonly code: Code;
  /** What is wrong, as a sentence for the operator; a falsy value where nothing is. */
  readonly wrong: (subject: Subject) => string | false | undefined;
  /** What to do about it. */
  readonly todo: string;
}

/** All that the checks find wrong with it. */
export function look<Subject>(
  where: string,
  subject: Subject,
  checks: readonly Check<Subject>[],
): Finding[] {
  return checks.flatMap(({ code, wrong, todo }) => {
    const what = wrong(subject);
    return what ? [{ code, where, what, todo }] : [];
  });
}

/** What is known of the eddy that is meant: its settings, and which of them somebody has given. */
export interface Setup {
  readonly settings: Settings;
  /** What is unknown, and no error. */
  readonly warnings: readonly string[];
  readonly given: ReadonlySet<Key>;
}

export const seconds = (ms: number): string => `${ms / 1000} s`;
