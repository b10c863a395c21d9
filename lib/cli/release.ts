/** What workers get of the settings, and may get anew by a reload. */
import { isCompiled } from "../common/source-files.ts";
import { appSpecs } from "./app-spec.ts";
import { requiredVariables } from "./configure.ts";
import type { Orders } from "./messages.ts";
import { KEYS } from "./schema.ts";
import { isGiven, type Configuration } from "./settings.ts";

export interface Release extends Pick<
  Orders,
  "settings" | "explicit" | "specs"
> {
  /** How the process of a worker is started. */
  readonly fork: {
    readonly env: NodeJS.ProcessEnv;
    readonly execArgv: string[];
  };
}

const PRELOAD = new URL("../common/modules/preload.js", import.meta.url);

/**
 * @param variables of their environment, beside those that the application needs.
 * @throws {CommandFailure} when they lack something.
 */
export function releaseOf(
  configuration: Configuration,
  variables: NodeJS.ProcessEnv,
): Release {
  const { settings, resolved } = configuration;
  const specs = appSpecs(settings);
  const compiles = specs.some(({ file }) => isCompiled(file));
  return {
    settings,
    explicit: KEYS.filter((key) => isGiven(resolved[key])),
    specs,
    fork: {
      env: {
        ...process.env,
        ...requiredVariables(configuration),
        ...variables,
      },
      // threads and forks of the application are given what the process was: this reaches them
      execArgv: [
        ...process.execArgv,
        ...(compiles ? ["--import", PRELOAD.href] : []),
      ],
    },
  };
}
