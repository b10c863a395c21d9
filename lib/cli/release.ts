/** What workers get of the settings, and may get anew by a reload. */
import { isCompiled } from "../common/source-files.ts";
import { appSpecs } from "./app-spec.ts";
import { requiredVariables } from "./configure.ts";
import type { Orders } from "./messages.ts";
import { KEYS } from "./schema.ts";
import { isGiven, type Configuration } from "./settings.ts";
import { argumentsOf } from "./worker-fork.ts";

export interface Release extends Pick<
  Orders,
  "settings" | "explicit" | "specs" | "variables"
> {
  /** How the process of a worker is started. */
  readonly fork: {
    readonly env: NodeJS.ProcessEnv;
    readonly execArgv: string[];
  };
}

/**
 * @param variables of their environment, beside those that the application asks for.
 * @throws {CommandFailure} when they lack something.
 */
export function releaseOf(
  configuration: Configuration,
  variables: NodeJS.ProcessEnv,
): Release {
  const { settings, resolved } = configuration;
  const specs = appSpecs(settings);
  return {
    settings,
    explicit: KEYS.filter((key) => isGiven(resolved[key])),
    specs,
    variables,
    fork: {
      env: { ...process.env, ...requiredVariables(configuration) },
      execArgv: argumentsOf({
        compiles: specs.some(({ file }) => isCompiled(file)),
      }),
    },
  };
}
