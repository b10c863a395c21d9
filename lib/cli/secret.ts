/** The application's secret, from the settings to the workers. */
import {
  isProduction,
  makeUpSecret,
  SECRET_VARIABLE,
} from "../common/secret-key.ts";
import type { Settings } from "./schema.ts";

/** For the workers' environment. In production no secret is made up. */
export function secretVariables({
  secretKey,
}: Settings): Record<string, string> {
  if (secretKey !== "") return { [SECRET_VARIABLE]: secretKey };
  return isProduction() ? {} : { [SECRET_VARIABLE]: makeUpSecret() };
}
