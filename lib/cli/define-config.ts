/** Config files in TypeScript. */
import type { Key, Settings } from "./schema.ts";

/** The settings in a config file. Durations and sizes may be text, and so may a list of one. */
export type ConfigFileSettings = {
  [K in Exclude<Key, "config">]?:
    Settings[K] | (Settings[K] extends number | string[] ? string : never);
};

/**
 * Gives back what it gets, with its type checked: for `eddy.config.ts`.
 *
 * @example
 * ```ts
 * import { defineConfig } from "eddy/config";
 *
 * export default defineConfig({ app: "./app.ts", workers: "auto", requestTimeout: "30s" });
 * ```
 */
export const defineConfig = (
  settings: ConfigFileSettings,
): ConfigFileSettings => settings;
