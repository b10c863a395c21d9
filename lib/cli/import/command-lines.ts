/** Servers that are told everything on their command line, and how that is read. */
import { GUNICORN } from "./gunicorn.ts";
import { GRANIAN } from "./granian.ts";
import { HYPERCORN } from "./hypercorn.ts";
import { withConfigFile } from "./read-hypercorn.ts";
import type { ForeignOption, TranslationTable } from "./rules.ts";
import { UVICORN } from "./uvicorn.ts";

/** What a flag is called in the table. */
export const nameIn = (
  { names, joint = "-" }: CommandLine,
  flag: string,
): string => names[flag] ?? flag.replaceAll("-", joint);

/** How a server's words are options of its table. */
export interface CommandLine {
  readonly table: TranslationTable;
  /** Flags that stand alone; `no-` in front of one switches it off. All others have a value. */
  readonly switches: readonly string[];
  /** Flags by what the table calls them, letters among them. */
  readonly names: Readonly<Record<string, string>>;
  /** What the table calls a word without a flag: the application. */
  readonly application: string;
  /** How the table writes the words of a flag's name. */
  readonly joint?: string;
  /** Its options, with those of a config file that they name. */
  withFile?(
    options: readonly ForeignOption[],
    python: string,
  ): readonly ForeignOption[];
}

/** By the names of their programs. */
export const COMMAND_LINES: Readonly<Record<string, CommandLine>> = {
  uvicorn: {
    table: UVICORN,
    switches: [
      "reload",
      "access-log",
      "use-colors",
      "proxy-headers",
      "factory",
      "server-header",
      "date-header",
    ],
    names: {},
    application: "app",
  },
  hypercorn: {
    table: HYPERCORN,
    switches: ["debug", "reload"],
    names: {
      b: "bind",
      c: "config",
      g: "group",
      k: "worker_class",
      m: "umask",
      p: "pid_path",
      pid: "pid_path",
      u: "user",
      w: "workers",
      "access-log": "accesslog",
      "access-logfile": "accesslog",
      "access-logformat": "access_log_format",
      "error-log": "errorlog",
      "error-logfile": "errorlog",
      "keep-alive": "keep_alive_timeout",
      "log-config": "logconfig",
      "log-file": "errorlog",
      "log-level": "loglevel",
      reload: "use_reloader",
      "server-name": "server_names",
    },
    application: "application_path",
    joint: "_",
    withFile: withConfigFile,
  },
  granian: {
    table: GRANIAN,
    switches: [
      "ws",
      "log",
      "access-log",
      "factory",
      "reload",
      "metrics",
      "respawn-failed-workers",
      "ssl-client-verify",
      "http1-keep-alive",
      "http1-pipeline-flush",
      "http2-adaptive-window",
      "http2-enable-connect-protocol",
    ],
    names: {},
    application: "app",
  },
  gunicorn: {
    table: GUNICORN,
    switches: [
      "preload",
      "daemon",
      "reload",
      "capture-output",
      "proxy-protocol",
      "check-config",
      "print-config",
      "spew",
      "reuse-port",
    ],
    names: {
      b: "bind",
      c: "config",
      D: "daemon",
      e: "raw_env",
      env: "raw_env",
      g: "group",
      k: "worker_class",
      m: "umask",
      n: "proc_name",
      name: "proc_name",
      p: "pidfile",
      pid: "pidfile",
      t: "timeout",
      u: "user",
      w: "workers",
      preload: "preload_app",
      "access-logfile": "accesslog",
      "access-logformat": "access_log_format",
      "error-logfile": "errorlog",
      "keep-alive": "keepalive",
      "log-config": "logconfig",
      "log-file": "errorlog",
      "log-level": "loglevel",
      "log-syslog": "syslog",
    },
    application: "wsgi_app",
    joint: "_",
  },
};

/**
 * Its words as options, the first of which is number 1.
 *
 * @throws {Error} for a flag without its value.
 */
export function readCommandLine(
  line: CommandLine,
  words: readonly string[],
): ForeignOption[] {
  const { switches, names, application } = line;
  const options: ForeignOption[] = [];
  const rest = [...words];
  const add = (flag: string, value: unknown, written: string): void => {
    const name = nameIn(line, flag);
    options.push({ name, value, line: words.length - rest.length, written });
  };
  for (let word; (word = rest.shift()) !== undefined;) {
    const [, flag, attached] =
      /^--([^=]+)(?:=(.*))?$/s.exec(word) ??
      /^-([a-zA-Z])(.+)?$/s.exec(word) ??
      [];
    const negated = flag?.replace(/^no-/, "");
    if (flag === undefined) add(application, word, word);
    else if (attached !== undefined) add(flag, attached, word);
    else if (switches.includes(names[flag] ?? flag) || switches.includes(flag))
      add(flag, true, word);
    else if (negated !== flag && switches.includes(negated!))
      add(negated!, false, word);
    else if (rest[0] === undefined) throw new Error(`${word} has no value`);
    else add(flag, rest[0], `${word} ${rest.shift()}`);
  }
  return options;
}
