/** Flags that Python's servers have and eddy has not: what they are called here. */
import { COMMAND_LINES, nameIn } from "./import/command-lines.ts";
import { ruleFor, type TranslationRule } from "./import/rules.ts";
import { UWSGI } from "./import/uwsgi.ts";
import { flagOf, KEYS, settingOf, type Key } from "./schema.ts";

/** What the tables of `eddy import` do not say, or say of files. Names of settings become flags. */
const MORE: Readonly<Record<string, string>> = {
  "wsgi-file": "the argument: eddy app.wsgi, or eddy hello.py:app",
  module: "the argument: eddy hello:app",
  callable: "a name behind a colon: eddy hello:app",
  preload: "--no-python-lazy-apps",
  c: "what `eddy import` makes of it: eddy import gunicorn.conf.py > eddy.config.yaml",
  factory: 'a call: eddy "hello:make()"',
  "ssl-keyfile-password": "`tlsPassphraseFile`",
  "reload-dir": "`reload`, which watches what was imported",
  "reload-include": "`reload`, which watches what was imported",
  "reload-exclude": "`reload`, which watches what was imported",
  "no-access-log": "`accessLog` none",
  debug: "`reload`, and no NODE_ENV=production",
};

/** Undefined: nobody has such a flag. */
export function inOurWords(flag: string): string | undefined {
  const name = flag.replace(/^--?/, "");
  const here = MORE[name] ?? saidBy(ruleOf(name));
  return here && `${flag}: in eddy this is ${withFlags(here)}`;
}

function ruleOf(flag: string): TranslationRule | undefined {
  for (const line of [COMMAND_LINES["gunicorn"]!, COMMAND_LINES["uvicorn"]!]) {
    const rule = ruleFor(line.table.rules, nameIn(line, flag));
    if (rule !== undefined) return rule;
  }
  return ruleFor(UWSGI.rules, flag);
}

function saidBy(rule: TranslationRule | undefined): string | undefined {
  if (rule === undefined) return undefined;
  if ("needless" in rule) return `not needed: ${rule.needless}`;
  if ("missing" in rule) return `something else: ${rule.missing}`;
  const { becomes, remark } = rule;
  const names = becomes.map((key) => `\`${key}\``).join(", ");
  return remark === undefined ? names : `${names} (${remark})`;
}

const withFlags = (text: string): string =>
  text.replaceAll(/`([^`]+)`/g, (_, word: string) =>
    !KEYS.includes(word as Key)
      ? word
      : settingOf(word as Key).fileOnly
        ? `${word} of a config file`
        : flagOf(word as Key),
  );
