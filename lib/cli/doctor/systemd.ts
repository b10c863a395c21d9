/** What is wrong with a unit of systemd that starts eddy. */
import { existsSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { allOf, look, type Check, type Finding, type Look } from "./finding.ts";
import { lookAtStart, startsEddy, type Started } from "./command.ts";
import { readVariables } from "./env-files.ts";
import { environmentOf, type Environment } from "./setup.ts";
import {
  folderOfDropIn,
  msOf,
  placesOf,
  readUnit,
  type Unit,
} from "./systemd-units.ts";
import { readText, wordsOf, type Source } from "./text.ts";

const isYes = (value: string | undefined): boolean =>
  /^(1|yes|true|on)$/i.test(value ?? "");

/** Signals by which eddy drains and ends; by number, too. */
export const ENDING = /^(SIG)?(TERM|INT|QUIT)$|^(15|2|3)$/;

const UNIT_CHECKS: readonly Check<Unit>[] = [
  {
    code: "systemd-type",
    wrong: ({ value, at }) =>
      /^(forking|oneshot|dbus)$/.test(value("Type") ?? "") && {
        what: `Type=${value("Type")}: eddy stays in the foreground, and the start never ends, or the service counts as over`,
        where: at("Type"),
      },
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
        `ExecReload=${given} is not a reload`
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
        return `${program} is not an absolute path, as systemd wants it`;
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
    wrong: ({ value, values, at }) => {
      const key = SANDBOXES.find((one) => isYes(value(one.key)));
      if (key !== undefined)
        return {
          what: `${key.key}=yes: ${key.what}`,
          where: at(key.key),
          todo: `leave ${key.key}= out, or ${key.key}=no`,
        };
      const families = values("RestrictAddressFamilies");
      return (
        families.length > 0 &&
        !families[0]!.startsWith("~") &&
        !families.includes("AF_UNIX") && {
          what: "RestrictAddressFamilies lacks AF_UNIX, by which supervisor, workers, Python and systemd talk",
          where: at("RestrictAddressFamilies"),
        }
      );
    },
    todo: "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
  },
];

const SANDBOXES = [
  {
    key: "MemoryDenyWriteExecute",
    what: "Node.js compiles at run time, and crashes",
  },
  { key: "PrivateNetwork", what: "nobody reaches it" },
];

const startChecks = (
  unit: Unit,
  sockets: readonly Unit[],
): readonly Check<Started>[] => [
  {
    code: "systemd-socket",
    wrong: ({ setup }) => {
      const name = ["Sockets", "Requires", "Also"]
        .flatMap((key) => unit.values(key))
        .find((one) => one.endsWith(".socket"));
      if (name === undefined) return false;
      if (!setup.given.has("http") && !setup.given.has("fd")) return false;
      const socket = sockets.find(({ file }) => basename(file) === name);
      const address = socket?.value("ListenStream");
      const shown = address === undefined ? name : `${name} (${address})`;
      return `${shown} passes a socket, but --http says to listen elsewhere: the socket is not taken, and connections to it hang`;
    },
    todo: "leave --http out of ExecStart",
  },
];

/** Below it, a busy site runs out; 1024 is what many shells have. */
export const LEAST_FILES = 4096;

export const isUnit = ({ file, text }: Source): boolean =>
  /^\[(Service|Socket)\]\s*$/m.test(text) ||
  (folderOfDropIn(file) !== undefined && /^\[\w+\]\s*$/m.test(text));

/** Services with their drop-ins, and sockets with their services; those that are not given, but stand here, too. */
export async function lookAtUnits(sources: readonly Source[]): Promise<Look> {
  const dropIns = sources.filter(({ file }) => folderOfDropIn(file));
  const units = sources.filter((one) => !dropIns.includes(one));
  const sockets = units.filter(({ file }) => file.endsWith(".socket"));
  const services = units.filter((one) => !sockets.includes(one));
  const isGiven = (path: string): boolean =>
    services.some(({ file }) => basename(file) === basename(path));
  const further = [
    ...dropIns.map(({ file }) => folderOfDropIn(file)!.replace(/\.d$/, "")),
    ...sockets.map((socket) => serviceOf(readUnit(socket, []))),
  ]
    .filter((path) => path.endsWith(".service") && !isGiven(path))
    .flatMap((path) => placesOf(path).find((one) => existsSync(one)) ?? []);
  const all = [
    ...services,
    ...[...new Set(further)].map((file) => ({
      file,
      text: readText(file),
      isNamed: false,
    })),
  ];
  const read = sockets.map((socket) => readUnit(socket, dropIns));
  return allOf([
    ...(await Promise.all(
      all.map((service) => lookAtService(readUnit(service, dropIns), read)),
    )),
    ...read.map(lookAtSocket),
  ]);
}

/** Where the service of a socket is, if it is beside it. */
const serviceOf = ({ file, value }: Unit): string =>
  join(
    dirname(file),
    value("Service") ?? basename(file).replace(/socket$/, "service"),
  );

/** `known`: nothing where it starts no eddy. */
async function lookAtService(
  unit: Unit,
  sockets: readonly Unit[],
): Promise<Look> {
  const command = unit.value("ExecStart")?.replace(/^[-@:+!|]*/, "");
  const words = command === undefined ? [] : wordsOf(command);
  if (!startsEddy(words)) return { findings: [], known: [], notes: [] };
  const where = unit.at("ExecStart") ?? unit.file;
  const user = unit.value("User");
  const isRoot =
    (user === undefined || user === "root") &&
    !isYes(unit.value("DynamicUser"));
  const start = {
    where,
    words,
    env: variablesOf(unit),
    grace: graceOf(unit),
    isRoot,
    isPrivileged:
      isRoot ||
      unit
        .values("AmbientCapabilities")
        .join()
        .includes("CAP_NET_BIND_SERVICE"),
    isContainer: false,
  };
  const its = sockets.filter(
    (one) => basename(serviceOf(one)) === basename(unit.file),
  );
  return {
    findings: [
      ...look(where, unit, UNIT_CHECKS),
      ...(await lookAtStart(start, startChecks(unit, sockets))),
    ],
    known: [...unit.files, ...its.flatMap(({ files }) => files)],
    notes: [],
  };
}

function graceOf({ value, at }: Unit): NonNullable<Started["grace"]> {
  const key = ["TimeoutStopSec", "TimeoutSec"].find(
    (one) => value(one) !== undefined,
  );
  return key === undefined
    ? { ms: DEFAULT_STOP_MS, name: "systemd", setting: "TimeoutStopSec" }
    : {
        ms: msOf(value(key)!),
        name: "systemd",
        setting: key,
        where: at(key),
      };
}

/** DefaultTimeoutStopSec of systemd. */
const DEFAULT_STOP_MS = 90_000;

/** Environment=, and behind it what EnvironmentFile= says: anything, if it is not here and must not be missing. */
function variablesOf(unit: Unit): Environment {
  const files = unit.values("EnvironmentFile");
  const found = files.map((file) => readVariables(file.replace(/^-/, "")));
  return environmentOf(
    Object.assign({}, variablesIn(unit), ...found),
    [],
    files.some((file, i) => !file.startsWith("-") && found[i] === undefined),
  );
}

const variablesIn = (unit: Unit): NodeJS.ProcessEnv =>
  Object.fromEntries(
    unit
      .lines("Environment")
      .flatMap((line) => wordsOf(line))
      .map((pair) => pair.split(/=(.*)/s).slice(0, 2)),
  ) as NodeJS.ProcessEnv;

/** `known`: itself, where it is of eddy by its name or its words. */
function lookAtSocket({ file, files, value, at, text }: Unit): Look {
  if (!/eddy/.test(file + text)) return { findings: [], known: [], notes: [] };
  const finding: Finding = {
    code: "systemd-socket",
    where: at("Accept") ?? file,
    what: "Accept=yes starts an eddy for each connection, and passes it that one alone",
    todo: "leave Accept= out",
  };
  return {
    findings: isYes(value("Accept")) ? [finding] : [],
    known: files,
    notes: [],
  };
}
