/** Reads the settings of this process from files, variables and flags. */
import { resolve } from "node:path";
import { isatty } from "node:tty";
import {
  findConfigFiles,
  readConfigFile,
  type Import,
} from "./config-files.ts";
import { attempt, CommandFailure, EXIT } from "./failure.ts";
import { importModule } from "../common/modules/import-module.ts";
import { withHttp } from "./host-and-port.ts";
import {
  fromFile,
  fromFlags,
  fromPlatform,
  fromTerminal,
  fromVariables,
  resolveSettings,
  type Configuration,
} from "./settings.ts";

/** Where settings come from, beside flags. A file in a later folder counts. */
interface ConfigSources {
  readonly env: NodeJS.ProcessEnv;
  readonly folders: readonly string[];
  /** Standard output is one. */
  readonly isTerminal?: boolean;
  /** How to read a config file that is a module: as Node.js does, unless something else is said. */
  readonly importing?: Import | undefined;
}

const sourcesHere = (): ConfigSources => ({
  env: process.env,
  folders: FOLDERS,
  isTerminal: isatty(1),
});

const FOLDERS = ["/etc/eddy", "."];

/** @throws {CommandFailure} that names all that is wrong. */
export async function configure(
  flags: Readonly<Record<string, unknown>>,
  sources: ConfigSources = sourcesHere(),
): Promise<Configuration> {
  const { env, folders, isTerminal, importing = importHere } = sources;
  const chosen = (flags.config as string | undefined) ?? env.EDDY_CONFIG;
  const paths = chosen ? [chosen] : findConfigFiles(folders);
  const files = await Promise.all(
    paths.map((path) => readConfigFile(path, importing)),
  );
  return resolveSettings([
    ...fromPlatform(env),
    ...(isTerminal ? fromTerminal(env) : []),
    ...files.flatMap((file) => fromFile(file)),
    ...fromVariables(env),
    ...fromFlags(withHttp(flags, env)),
  ]);
}

/** In this process, which has nothing else to do yet: Node.js would end it without a word. */
async function importHere(path: string): Promise<unknown> {
  let giveUp!: () => void;
  const idle = new Promise<never>((_, reject) => {
    giveUp = () => reject(new Error("it awaits something that never comes"));
  });
  process.once("beforeExit", giveUp);
  try {
    return await Promise.race([importModule(path), idle]);
  } finally {
    process.off("beforeExit", giveUp);
  }
}

/**
 * The variables that the application asked for, with their defaults.
 *
 * @throws {CommandFailure} that names all that are missing.
 */
export function requiredVariables(
  { settings, resolved }: Configuration,
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const asked = Object.entries(settings.settings);
  const missing = asked.filter(
    ([name, { required, default: fallback }]) =>
      required && !env[name] && fallback === undefined,
  );
  if (missing.length > 0)
    throw new CommandFailure(
      EXIT.usage,
      [
        `the application needs variables that are not set (${resolved.settings.source}):`,
        ...missing.map(([name, { description }]) =>
          description ? `  ${name}: ${description}` : `  ${name}`,
        ),
      ].join("\n"),
    );
  return Object.fromEntries(
    asked.flatMap(([name, { default: fallback }]) =>
      env[name] || fallback === undefined ? [] : [[name, fallback]],
    ),
  );
}

/** As `configure`, and changes to the folder that `chdir` names, from which the paths in settings are read. */
export async function configureThere(
  flags: Readonly<Record<string, unknown>>,
  importing?: Import,
): Promise<Configuration> {
  const configuration = await configure(flags, { ...sourcesHere(), importing });
  enterFolder(configuration.settings.chdir);
  return configuration;
}

function enterFolder(folder: string): void {
  if (folder === "") return;
  attempt(EXIT.usage, `chdir: cannot go to ${folder}`, () =>
    process.chdir(resolve(folder)),
  );
}
