/** What this process was given at its start: by systemd, or by the supervisor whose place it is to take. */
import { CommandFailure, EXIT } from "./failure.ts";
import type { GivenSocket, Held } from "./sockets.ts";

export interface Inheritance {
  readonly sockets: ReadonlyMap<string, GivenSocket>;
  /** The supervisor that serves until this one does. */
  readonly predecessor: Predecessor | undefined;
}

/** As its successor sees it. */
interface Predecessor {
  readonly pid: number;
  /** This one serves: that one drains and ends. */
  relieve(): void;
}

/** No setting, but how one supervisor tells the next. Its value is JSON. */
const VARIABLE = "INTERNAL_EDDY_SOCKETS";

/** The first file that a successor is given, behind standard input, output, error and Node's channel. */
export const FIRST_FD = 4;

/** The other side of `inheritanceOf`. */
export function bequest(held: readonly Held[]): NodeJS.ProcessEnv {
  let next = FIRST_FD;
  const sockets = held.map(
    ({ name, fd, at, foreign }): [string, GivenSocket] => [
      name,
      { fd: fd === undefined ? undefined : next++, at, foreign },
    ],
  );
  return { [VARIABLE]: JSON.stringify(sockets) };
}

/** Where an address would stand in a name: the socket of a setting came by LISTEN_FDS. */
export const ACTIVATED = "LISTEN_FDS";

/**
 * The variables are taken away, as they are about this process, and not about those that it starts.
 *
 * @throws {CommandFailure} when it is not clear what a socket of systemd is for.
 */
export function inheritanceOf(env: NodeJS.ProcessEnv): Inheritance {
  const { [VARIABLE]: bequeathed, ...rest } = env;
  for (const name of [VARIABLE, ...Object.values(LISTEN)]) delete env[name];
  if (bequeathed === undefined)
    return { sockets: activated(rest), predecessor: undefined };
  return {
    sockets: new Map(JSON.parse(bequeathed) as [string, GivenSocket][]),
    predecessor: {
      pid: process.ppid,
      relieve() {
        if (!process.connected) return; // that one has been killed
        process.send!(SERVING, undefined, {}, () => process.disconnect?.());
      },
    },
  };
}

/** What a successor says to its predecessor. */
export const SERVING = "serving";

/** See sd_listen_fds(3). */
const LISTEN = {
  pid: "LISTEN_PID",
  count: "LISTEN_FDS",
  names: "LISTEN_FDNAMES",
} as const;
const FIRST_OF_SYSTEMD = 3;

const SETTINGS: readonly string[] = ["http", "uwsgi"];

function activated(env: NodeJS.ProcessEnv): Map<string, GivenSocket> {
  if (Number(env[LISTEN.pid]) !== process.pid) return new Map(); // another process's
  const count = Number(env[LISTEN.count]);
  const names = (env[LISTEN.names] ?? "").split(":");
  const settings = Array.from({ length: count }, (_, i) => names[i] ?? "");
  if (count === 1 && !SETTINGS.includes(settings[0]!)) settings[0] = "http";
  if (
    settings.filter((one) => one === "uwsgi").length > 1 ||
    !settings.every((one) => SETTINGS.includes(one))
  )
    throw new CommandFailure(
      EXIT.usage,
      `LISTEN_FDS: of several sockets, each is for http, or one of them for uwsgi, and FileDescriptorName= says which, not "${names.join(":")}"`,
    );
  return new Map(
    settings.map((setting, i) => [
      settings.indexOf(setting) === i
        ? `${setting} ${ACTIVATED}`
        : `${setting} ${ACTIVATED} ${i}`,
      { fd: FIRST_OF_SYSTEMD + i, foreign: true },
    ]),
  );
}
