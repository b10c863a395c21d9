/** What is wrong with a unit of systemd that starts eddy, or one of Upstart. */
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { look, type Check, type Finding } from "./finding.ts";
import { lookAtStart, startsEddy, type Started } from "./command.ts";
import { lineOf, wordsOf } from "./text.ts";

/** The last value of each key counts, but for some that are lists. */
interface Unit {
  readonly value: (key: string) => string | undefined;
  readonly values: (key: string) => readonly string[];
}

const isYes = (value: string | undefined): boolean =>
  /^(1|yes|true|on)$/i.test(value ?? "");

/** Signals by which eddy drains and ends; by number, too. */
export const ENDING = /^(SIG)?(TERM|INT|QUIT)$|^(15|2|3)$/;

const UNIT_CHECKS: readonly Check<Unit>[] = [
  {
    code: "systemd-type",
    wrong: ({ value }) =>
      /^(forking|oneshot|dbus)$/.test(value("Type") ?? "") &&
      `Type=${value("Type")}: eddy stays in the foreground, and the start never ends, or the service counts as over`,
    todo: "Type=notify and NotifyAccess=all",
  },
  {
    code: "systemd-notify",
    wrong: ({ value }) => {
      const waits = value("Type")?.startsWith("notify");
      if (!waits && value("WatchdogSec") === undefined) return false;
      return (
        !/^(all|exec)$/.test(value("NotifyAccess") ?? "") &&
        `systemd does not hear of eddy, which tells it by systemd-notify: ` +
          (waits ? "the start times out" : "its watchdog ends the service")
      );
    },
    todo: "NotifyAccess=all",
  },
  {
    code: "systemd-kill-mode",
    wrong: ({ value }) => {
      const signal = value("KillSignal") ?? "SIGTERM";
      if (!ENDING.test(signal))
        return `KillSignal=${signal} does not let requests finish`;
      return (
        /^(process|none)$/.test(value("KillMode") ?? "") &&
        `KillMode=${value("KillMode")} leaves workers and Python behind when the supervisor had to be killed`
      );
    },
    todo: "KillMode=mixed, and no KillSignal=",
  },
  {
    code: "systemd-restart",
    wrong: ({ value }) =>
      /^(no)?$/.test(value("Restart") ?? "") &&
      "nobody starts it again when its supervisor is killed",
    todo: "Restart=on-failure",
  },
  {
    code: "systemd-reload",
    wrong: ({ value }) => {
      const given = value("ExecReload") ?? "";
      return (
        /\bkill\b/.test(given) &&
        !/-(SIG)?(s )?(HUP|USR2|1|12)\b/.test(given) &&
        `ExecReload=${given} is no reload`
      );
    },
    todo: "ExecReload=/bin/kill -HUP $MAINPID",
  },
  {
    code: "systemd-path",
    wrong: ({ value }) => {
      const [program = ""] = wordsOf(
        (value("ExecStart") ?? "").replace(/^[-@:+!|]*/, ""),
      );
      if (program.includes("/") && !isAbsolute(program))
        return `${program} is no absolute path, as systemd wants it`;
      return (
        value("WorkingDirectory") === undefined &&
        !/--chdir\b/.test(value("ExecStart") ?? "") &&
        "the application's path, and config files, are looked for in /"
      );
    },
    todo: "WorkingDirectory=/srv/app, and ExecStart=/srv/app/node_modules/.bin/eddy …",
  },
  {
    code: "open-files",
    wrong: ({ value }) => {
      const limit = Number(value("LimitNOFILE")?.split(":").at(-1));
      return (
        limit < LEAST_FILES &&
        `LimitNOFILE=${value("LimitNOFILE")}: each connection takes a file, and further ones are closed`
      );
    },
    todo: "LimitNOFILE=65536, or none: systemd's own limit is 524288",
  },
  {
    code: "systemd-sandbox",
    wrong: ({ value }) => {
      if (isYes(value("MemoryDenyWriteExecute")))
        return "MemoryDenyWriteExecute=yes: Node.js compiles at run time, and crashes";
      if (isYes(value("PrivateNetwork")))
        return "PrivateNetwork=yes: nobody reaches it";
      const families = value("RestrictAddressFamilies") ?? "";
      return (
        families !== "" &&
        !families.startsWith("~") &&
        !families.includes("AF_UNIX") &&
        "RestrictAddressFamilies lacks AF_UNIX, by which supervisor, workers, Python and systemd talk"
      );
    },
    todo: "leave that line out, or name AF_UNIX AF_INET AF_INET6 there",
  },
];

const START_CHECKS: readonly Check<Started & { readonly unit?: Unit }>[] = [
  {
    code: "systemd-socket",
    wrong: ({ unit, setup }) => {
      const sockets = ["Sockets", "Requires", "Also"]
        .flatMap((key) => unit?.values(key) ?? [])
        .filter((name) => name.endsWith(".socket"));
      return (
        sockets.length > 0 &&
        (setup.given.has("http") || setup.given.has("fd")) &&
        `${sockets[0]} passes a socket, but --http says to listen elsewhere: the socket is not taken`
      );
    },
    todo: "leave --http out of ExecStart",
  },
];

/** Below it, a busy site runs out; 1024 is what many shells have. */
export const LEAST_FILES = 4096;

export const isUnit = (text: string): boolean =>
  /^\[(Service|Socket)\]\s*$/m.test(text);

/** Undefined where it starts no eddy. */
export async function lookAtUnit(
  file: string,
  text: string,
): Promise<Finding[] | undefined> {
  const unit = readUnit(text);
  const command = unit.value("ExecStart")?.replace(/^[-@:+!|]*/, "");
  const words = command === undefined ? [] : wordsOf(command);
  if (isYes(unit.value("Accept")) && /eddy/.test(file + text))
    return [ACCEPTING(`${file}:${lineOf(text, /^Accept=/m)}`)];
  if (!startsEddy(words)) return undefined;
  const where = `${file}:${lineOf(text, /^ExecStart=/m)}`;
  const stop = unit.value("TimeoutStopSec") ?? unit.value("TimeoutSec");
  const graceMs = stop === undefined ? DEFAULT_STOP_MS : msOf(stop);
  const user = unit.value("User");
  const isRoot =
    (user === undefined || user === "root") &&
    !isYes(unit.value("DynamicUser"));
  const start = {
    where,
    words,
    env: environmentOf(unit),
    grace: { ms: graceMs, name: "systemd" },
    isRoot,
    isPrivileged:
      isRoot ||
      unit
        .values("AmbientCapabilities")
        .join()
        .includes("CAP_NET_BIND_SERVICE"),
    isContainer: false,
  };
  return [
    ...look(where, unit, UNIT_CHECKS),
    ...(await lookAtStart(
      start,
      START_CHECKS.map(({ wrong, ...rest }) => ({
        ...rest,
        wrong: (started: Started) => wrong({ ...started, unit }),
      })),
    )),
  ];
}

const ACCEPTING = (where: string): Finding => ({
  code: "systemd-socket",
  where,
  what: "Accept=yes starts an eddy for each connection, and passes it that one alone",
  todo: "leave Accept= out",
});

/** DefaultTimeoutStopSec of systemd. */
const DEFAULT_STOP_MS = 90_000;

function readUnit(text: string): Unit {
  const lines = text
    .replace(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) => /^\s*([A-Za-z]\w*)\s*=\s*(.*?)\s*$/.exec(line))
    .filter((match) => match !== null);
  const all = (key: string): string[] =>
    lines.filter(([, name]) => name === key).map(([, , value]) => value!);
  return {
    value: (key) => all(key).at(-1),
    values: (key) => all(key).flatMap((value) => value.split(/\s+/)),
  };
}

/** Environment=, and what EnvironmentFile= says if it is here. */
function environmentOf(unit: Unit): NodeJS.ProcessEnv {
  const files = unit
    .values("EnvironmentFile")
    .map((file) => file.replace(/^-/, ""))
    .filter((file) => existsSync(file) && isReadable(file))
    .flatMap((file) => readFileSync(file, "utf8").split("\n"));
  const pairs = [
    ...unit.values("Environment").flatMap((words) => wordsOf(words)),
    ...files,
  ];
  return Object.fromEntries(
    pairs
      .map((pair) => /^\s*(\w+)=(.*)$/.exec(pair))
      .filter((match) => match !== null)
      .map(([, name, value]) => [
        name!,
        value!.replace(/^(["'])(.*)\1$/, "$2"),
      ]),
  );
}

/** It may hold secrets, and be root's. */
function isReadable(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minutes: 60_000,
  h: 3_600_000,
};

/** As systemd writes times: `60`, `1min 30s`, `infinity`. */
export function msOf(text: string): number {
  if (/^(infinity|0)$/.test(text)) return Infinity;
  return [...text.matchAll(/([\d.]+)\s*([a-z]+)?/g)].reduce(
    (sum, [, number, unit = "s"]) =>
      sum + Number(number) * (UNITS[unit] ?? 1000),
    0,
  );
}

export const isUpstart = (text: string): boolean =>
  /^\s*(start|stop) on\b/m.test(text) && /^\s*exec\b|^\s*script\b/m.test(text);

/** Undefined where it starts no eddy. */
export async function lookAtUpstart(
  file: string,
  text: string,
): Promise<Finding[] | undefined> {
  const command = /^\s*exec (.*)$/m.exec(text)?.[1];
  const words = command === undefined ? [] : wordsOf(command);
  if (!startsEddy(words)) return undefined;
  const timeout = /^\s*kill timeout (\d+)/m.exec(text)?.[1] ?? "5";
  return await lookAtStart({
    where: `${file}:${lineOf(text, /^\s*exec /m)}`,
    words,
    env: {},
    grace: { ms: Number(timeout) * 1000, name: "Upstart" },
    isRoot: !/^\s*setuid (?!root)/m.test(text),
    isPrivileged: !/^\s*setuid (?!root)/m.test(text),
    isContainer: false,
  });
}
