/** What the servers of ASGI have in common: flags that belong together, and values. */
import type { ConfigFileSettings } from "../define-config.ts";
import {
  missing,
  needless,
  to,
  type ForeignOption,
  type TranslationRules,
} from "./rules.ts";
import { address, application, level, text, watching, yes } from "./values.ts";

/** Flags that mean the same with each of them. */
export const COMMON: TranslationRules = {
  app: to("app", application),
  "host, port": to("http", (value) => [address(value)], "both together"),
  uds: to("http", (value) => [`unix:${text(value)}`]),
  "access-log": to("accessLog", (value) => (yes(value) ? "-" : "none")),
  "log-level": to("logLevel", level),
  factory: needless("the name has `()` behind it"),
  reload: to("reload", watching),
  "reload-dir, reload-include, reload-paths": missing(
    "`eddy reload`, or SIGHUP; what is imported is watched, wherever it is",
  ),
  "reload-*": needless("what is imported is watched, and nothing else"),
  "log-config": missing("`logFormat`, `accessLog`, `errorLog`"),
};

/** Brings host and port together, and a factory with its name. */
export function together(options: readonly ForeignOption[]): ForeignOption[] {
  const find = (name: string): ForeignOption | undefined =>
    options.findLast((one) => one.name === name);
  const [host, port] = [find("host"), find("port")];
  const isFactory = yes(find("factory")?.value);
  const rest = options
    .filter((one) => one.name !== "host" && one.name !== "port")
    .map((one) =>
      one.name === "app" && isFactory
        ? { ...one, value: `${text(one.value)}()` }
        : one,
    );
  const either = host ?? port;
  if (either === undefined) return rest;
  const name = text(host?.value ?? "127.0.0.1");
  const value = `${name.includes(":") ? `[${name}]` : name}:${text(port?.value ?? 8000)}`;
  const written = [host, port].flatMap((one) => one?.written ?? []).join(" ");
  return [{ name: "host", value, line: either.line, written }, ...rest];
}

/** They take bodies of any size. */
export const defaults = (): ConfigFileSettings => ({ maxBody: "none" });
