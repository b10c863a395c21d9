/** What workers get of the settings, and may get anew by a reload. */
import { appSpecs } from "./app-spec.ts";
import { requiredVariables } from "./configure.ts";
import type { Orders } from "./messages.ts";
import { KEYS } from "./schema.ts";
import { isGiven, type Configuration } from "./settings.ts";

export interface Release extends Pick<
  Orders,
  "settings" | "explicit" | "specs"
> {
  readonly env: NodeJS.ProcessEnv;
}

/**
 * @param variables of their environment, beside those that the application needs.
 * @throws {CommandFailure} when they lack something.
 */
export function releaseOf(
  configuration: Configuration,
  variables: NodeJS.ProcessEnv,
): Release {
  const { settings, resolved } = configuration;
  return {
    settings,
    explicit: KEYS.filter((key) => isGiven(resolved[key])),
    specs: appSpecs(settings),
    env: {
      ...process.env,
      ...requiredVariables(configuration),
      ...variables,
    },
  };
}
