/** The command line: flags and `--help`, made from the table of settings. */
import { Command, Option } from "commander";
import { flagOf, KEYS, settingOf, type Key } from "./schema.ts";

/** The flags that were given, by key. */
export type Flags = Readonly<Record<string, unknown>>;

export interface Actions {
  run(flags: Flags): Promise<void>;
  config(flags: Flags): Promise<void>;
  check(flags: Flags): Promise<void>;
  reload(flags: Flags): Promise<void>;
  top(flags: Flags): Promise<void>;
  profile(pid: string, what: string, flags: Flags): Promise<void>;
  doctor(files: readonly string[], flags: Flags): Promise<void>;
  import(file: string, words: readonly string[], flags: Flags): Promise<void>;
}

/** Of an unknown flag, which may be a misspelled `--secret-key=…`. */
const VALUE = /(?<=^error: unknown option '--[^=]*)=.*'/s;

/** The program; what it does is in `actions`. */
export function commandLine(version: string, actions: Actions): Command {
  const program = new Command("eddy")
    .description(
      "Runs a TypeScript or JavaScript application behind a port, with workers that are supervised.",
    )
    .version(version)
    .helpCommand(true) // or else, with an argument of its own, it would take "help" for the application
    .exitOverride() // here, because the commands below take it over
    .argument("[app]", "the application at /, as --app has it")
    .allowExcessArguments(false)
    .configureOutput({ outputError: () => {} }) // whoever catches it says it, by `answerTo`
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      "after",
      "\nEach flag can also be given as a variable (--max-body as EDDY_MAX_BODY) " +
        "or in a config file (maxBody in eddy.config.yaml).",
    );
  withSettings(program).action((app: string | undefined, flags: Flags) =>
    actions.run(withApp(app, flags)),
  );
  program
    .command("version")
    .description("print the version")
    .action(() => console.log(version));
  program
    .command("config")
    .description("print every setting, where it came from and what it overrode")
    .argument("[app]")
    .action((app: string | undefined, _: unknown, command: Command) =>
      actions.config(withApp(app, command.optsWithGlobals())),
    );
  program
    .command("check")
    .description("read the settings, load the application, and end")
    .argument("[app]")
    .action((app: string | undefined, _: unknown, command: Command) =>
      actions.check(withApp(app, command.optsWithGlobals())),
    );
  program
    .command("reload")
    .description("replace the workers of the eddy that --pid names, one by one")
    .action((_: unknown, command: Command) =>
      actions.reload(command.optsWithGlobals()),
    );
  program
    .command("top")
    .description("show how the workers are, at the address that --stats names")
    .action((_: unknown, command: Command) =>
      actions.top(command.optsWithGlobals()),
    );
  program
    .command("profile")
    .description(
      "take a CPU profile or a heap snapshot of a worker, by the address that --stats names, and say which file it is in",
    )
    .argument("<pid>", "the worker, as eddy top shows it")
    .argument("[what]", "how long the CPU is watched, or heap", "10s")
    .action((pid: string, what: string, _: unknown, command: Command) =>
      actions.profile(pid, what, command.optsWithGlobals()),
    );
  program
    .command("doctor")
    .description(
      "look at this machine, the settings and the eddy at --stats, or at files of nginx, HAProxy, systemd, Docker and Kubernetes, and say what to do",
    )
    .argument("[files...]")
    .action((files: readonly string[], _: unknown, command: Command) =>
      actions.doctor(files, command.optsWithGlobals()),
    );
  program
    .command("import")
    .description(
      "print a uwsgi.ini, a gunicorn.conf.py, a hypercorn.toml, or a command line as in `eddy import -- uvicorn app:app --port 80`, as an eddy.config.yaml, and say what of it does not translate",
    )
    .argument("<file>", "or uvicorn, hypercorn, granian or gunicorn")
    .argument("[words...]", "of the command line, behind --")
    .action(
      (file: string, words: readonly string[], _: unknown, command: Command) =>
        actions.import(file, words, command.optsWithGlobals()),
    );
  return program;
}

/** What is wrong with a command line, by what commander says of it. */
export async function answerTo(
  error: string,
  { args, commands }: Pick<Command, "args" | "commands">,
): Promise<string> {
  if (TOO_MANY.test(error) && args.length > 1) return tooMany(args, commands);
  const [, flag] = UNKNOWN.exec(error) ?? [];
  if (flag === undefined) return error;
  if (KEYS.some((key) => flagOf(key) === flag))
    return `error: ${flag} takes no value`;
  const { inOurWords } = await import("./other-words.ts"); // seldom needed
  const here = inOurWords(flag);
  return here ? `error: ${here}` : error.replace(VALUE, "'");
}

const TOO_MANY = /^error: too many arguments\. Expected 1 /;

/** The first of them may be a command, misspelled. */
async function tooMany(
  args: readonly string[],
  commands: readonly Command[],
): Promise<string> {
  const { closestMatch } = await import("leven"); // seldom needed
  const names = commands.map((command) => command.name());
  const meant = closestMatch(args[0]!, names, { maxDistance: 2 });
  const hint = meant === undefined ? "" : `; did you mean eddy ${meant}?`;
  return `error: eddy runs one application, and here are ${args.length} words: ${args.join(" ")}${hint}`;
}

const UNKNOWN = /^error: unknown option '(--?[\w-]+)/;

const withApp = (app: string | undefined, flags: Flags): Flags =>
  app === undefined ? flags : { ...flags, app };

function withSettings(command: Command): Command {
  for (const key of KEYS)
    if (!settingOf(key).fileOnly)
      for (const option of optionsOf(key)) command.addOption(option);
  for (const option of otherNames()) command.addOption(option);
  return command;
}

/** What other servers have it said by, and fingers know. */
const otherNames = (): Option[] =>
  [
    new Option("--host <HOST>", "As --http HOST:8000, or with --port."),
    new Option("-p, --port <PORT>", "As --http 127.0.0.1:PORT."),
    new Option("-b, --bind <ADDRESS>", "As --http.").argParser(severalOf),
  ].map((option) => option.helpGroup("Listening:"));

/** Without defaults: commander could not tell them from flags that were given. */
function optionsOf(key: Key): Option[] {
  const { kind, about, group, default: fallback } = settingOf(key);
  const flag = flagOf(key);
  const make = (flags: string, text: string): Option =>
    new Option(flags, text).helpGroup(`${group}:`);
  const described = `${about.replaceAll("`", "")} [${kind.show(fallback)}]`;
  if (kind.placeholder === undefined)
    return fallback === true
      ? [
          make(flag, described).hideHelp(),
          make(flag.replace("--", "--no-"), `Turns this off: ${described}`),
        ]
      : [
          make(flag, described),
          make(flag.replace("--", "--no-"), "").hideHelp(),
        ];
  const option = make(
    `${LETTERS[key] ?? ""}${flag} <${kind.placeholder}>`,
    described,
  );
  if (kind.repeats) option.argParser(severalOf);
  return [option];
}

const severalOf = (value: string, before: string[] | undefined): string[] => [
  ...(before ?? []),
  ...value.split(","),
];

/** Of flags that one types often. */
const LETTERS: Partial<Record<Key, string>> = { workers: "-w, " };
