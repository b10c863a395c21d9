/** The command line: flags and `--help`, made from the table of settings. */
import { Command, Option } from "commander";
import { flagOf, KEYS, settingOf, type Key } from "./schema.ts";

/** The flags that were given, by key. */
export type Flags = Readonly<Record<string, unknown>>;

export interface Actions {
  run(flags: Flags): Promise<void>;
  config(flags: Flags): Promise<void>;
  reload(flags: Flags): Promise<void>;
  top(flags: Flags): Promise<void>;
  import(file: string, flags: Flags): Promise<void>;
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
    .exitOverride() // here, because the commands below take it over
    .argument("[app]", "the application at /, as --app has it")
    .allowExcessArguments(false)
    .configureOutput({
      outputError: (text, write) => write(text.replace(VALUE, "'")),
    })
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
    .command("config")
    .description("print every setting, where it came from and what it overrode")
    .argument("[app]")
    .action((app: string | undefined, _: unknown, command: Command) =>
      actions.config(withApp(app, command.optsWithGlobals())),
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
    .command("import")
    .description(
      "print a uwsgi.ini or a gunicorn.conf.py as an eddy.config.yaml, and say what of it does not translate",
    )
    .argument("<file>")
    .action((file: string, _: unknown, command: Command) =>
      actions.import(file, command.optsWithGlobals()),
    );
  return program;
}

const withApp = (app: string | undefined, flags: Flags): Flags =>
  app === undefined ? flags : { ...flags, app };

function withSettings(command: Command): Command {
  for (const key of KEYS)
    if (!settingOf(key).fileOnly)
      for (const option of optionsOf(key)) command.addOption(option);
  return command;
}

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
  const option = make(`${flag} <${kind.placeholder}>`, described);
  if (kind.repeats)
    option.argParser((value: string, before: string[] | undefined) => [
      ...(before ?? []),
      ...value.split(","),
    ]);
  return [option];
}
