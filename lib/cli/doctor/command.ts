/** What is wrong with how a file starts and ends eddy, whatever kind of file it is. */
import { basename } from "node:path";
import { CommanderError } from "commander";
import { CommandFailure } from "../failure.ts";
import {
  look,
  seconds,
  type Check,
  type Finding,
  type Setup,
} from "./finding.ts";
import { isLoopback } from "../host-and-port.ts";
import { SETTINGS_CHECKS } from "./settings.ts";
import {
  ENDINGS,
  endings,
  endMs,
  httpTargets,
  setupBy,
  type Environment,
} from "./setup.ts";

/** A command that starts eddy, as somebody's file has it. */
export interface Start {
  readonly where: string;
  readonly words: readonly string[];
  readonly env: Environment;
  /** From TERM to KILL, and who says so, on which line; undefined where the file does not say. */
  readonly grace?: {
    readonly ms: number;
    readonly name: string;
    /** Where it is said, or could be. */
    readonly setting: string;
    readonly where?: string | undefined;
  };
  /** Milliseconds between the order to end and TERM. */
  readonly before?: number;
  readonly isRoot: boolean;
  /** It may listen below port 1024. */
  readonly isPrivileged: boolean;
  /** In a network of its own. */
  readonly isContainer: boolean;
}

export interface Started extends Start {
  readonly setup: Setup;
  /** Words before those for eddy. */
  readonly launcher: readonly string[];
}

const CHECKS: readonly Check<Started>[] = [
  {
    code: "signals-lost",
    wrong: ({ launcher }) => {
      const wrapper = launcher
        .map((word) => basename(word))
        .find((word) => WRAPPERS.has(word));
      return (
        wrapper !== undefined &&
        !launcher.includes("exec") &&
        `${wrapper} gets the signals that are meant for eddy: TERM ends it alone, and requests are cut`
      );
    },
    todo: 'start node_modules/.bin/eddy itself, as a list of words in a container: CMD ["node_modules/.bin/eddy", …]',
  },
  {
    code: "grace",
    wrong: ({ setup, grace, before = 0 }) => {
      const most = before + endMs(setup);
      if (grace === undefined || grace.ms >= most) return false;
      const parts = [
        ...(before > 0 ? [["preStop", before] as const] : []),
        ...endings(setup),
      ].map(([name, ms]) => `${name} ${seconds(ms)}`);
      const isLeast = ENDINGS.some((key) => setup.unknown.has(key));
      return {
        what:
          `${grace.name} kills eddy after ${seconds(grace.ms)}, while it may need ${isLeast ? "at least " : ""}${seconds(most)}: ` +
          [...parts, "and a cleanup"].join(", "),
        where: grace.where,
        todo: `${grace.setting} of more than ${seconds(most)}, or a shorter --drain-timeout`,
      };
    },
  },
  {
    code: "secret-shown",
    wrong: ({ words }) =>
      words.some((word) => /^--(secret-key|tls-passphrase)(=|$)/.test(word)) &&
      "a secret stands in the command line, which all users of the machine can see",
    todo: "a variable from a file that only its user can read: EDDY_SECRET_KEY",
  },
  {
    code: "runs-as-root",
    wrong: ({ isRoot, setup }) =>
      isRoot && setup.settings.user === "" && "the application runs as root",
    todo: "a user of its own: User= of systemd, USER of a Dockerfile, or --user",
  },
  {
    code: "low-port",
    wrong: ({ isPrivileged, setup }) => {
      const low = httpTargets(setup).find(
        (target) => "port" in target && target.port > 0 && target.port < 1024,
      );
      return (
        !isPrivileged &&
        low !== undefined &&
        "port" in low &&
        `port ${low.port} takes a privilege that this user does not have`
      );
    },
    todo: "AmbientCapabilities=CAP_NET_BIND_SERVICE, a socket unit, or a port from 1024 on with a proxy in front",
  },
  {
    code: "loopback-in-container",
    wrong: ({ isContainer, setup }) => {
      const targets = httpTargets(setup);
      return (
        isContainer &&
        targets.length > 0 &&
        targets.every((one) => "host" in one && isLoopback(one.host!)) &&
        "eddy listens on the container's own loopback address: nobody outside reaches it"
      );
    },
    todo: "--http :8000",
  },
];

/** `ports`: those at which others ask. */
export const portCheck = (
  ports: readonly number[],
  by: string,
  where?: string,
): Check<Started> => ({
  code: "container-port",
  wrong: ({ setup }) => {
    const ours = httpTargets(setup).flatMap((one) =>
      "port" in one ? [one.port] : [],
    );
    const stray = ports.find((port) => !ours.includes(port));
    return (
      ours.length > 0 &&
      ports.length > 0 &&
      !ports.some((port) => ours.includes(port)) && {
        what: `${by} says port ${stray}, eddy listens at ${ours.join(", ")}`,
        where,
      }
    );
  },
  todo: "the same port in both",
});

/** Those that do not hand signals on, or end before what they have started. */
const WRAPPERS: ReadonlySet<string> = new Set([
  "npx",
  "npm",
  "yarn",
  "pnpm",
  "sh",
  "bash",
  "dash",
]);

/** Not the tool that starts a program by its script, which may be anything. */
const isEddy = (word: string): boolean => basename(word) === "eddy";

/** Whether the words start eddy, by itself or by `npm start` and the like. */
export const startsEddy = (words: readonly string[]): boolean =>
  flat(words).some((word) => isEddy(word) || /^(npm|yarn|pnpm)$/.test(word));

/** With what a shell is given as one word taken apart. */
const flat = (words: readonly string[]): string[] =>
  words.flatMap((word) =>
    /\s/.test(word) ? word.trim().split(/\s+/) : [word],
  );

/** What is wrong with it, and with the settings that it gives. With it, `further` can look at the whole of it. */
export async function lookAtStart(
  start: Start,
  further: readonly Check<Started>[] = [],
): Promise<Finding[]> {
  const words = flat(start.words);
  const at = words.findIndex(isEddy);
  const launcher = at < 0 ? words : words.slice(0, at);
  const given = at < 0 ? [] : words.slice(at + 1);
  try {
    const setup = await setupBy(given, start.env);
    return [
      ...look(start.where, { ...start, setup, launcher, words: given }, [
        ...CHECKS,
        ...further,
      ]),
      ...look(start.where, { setup, isDeployed: true }, SETTINGS_CHECKS),
      ...unknownIn(start.where, setup),
    ];
  } catch (error) {
    if (!(error instanceof CommandFailure || error instanceof CommanderError))
      throw error;
    return [settingsFinding(start.where, error)];
  }
}

export const unknownIn = (where: string, { warnings }: Setup): Finding[] =>
  warnings.map((message) => settingsFinding(where, { message }));

export const settingsFinding = (
  where: string,
  { message }: Pick<Error, "message">,
): Finding => ({
  code: "settings",
  where,
  what: message.replace(/^error: /, "").replaceAll("\n", "; "),
  todo: "eddy --help, or docs/settings.md",
});
