/** What is wrong with how Compose starts and ends eddy. */
import { dirname, join } from "node:path";
import { lookAtStart, portCheck, startsEddy } from "./command.ts";
import { readVariables } from "./env-files.ts";
import type { Look } from "./finding.ts";
import { environmentOf, type Environment } from "./setup.ts";
import { type Source } from "./text.ts";
import {
  asText,
  list,
  literally,
  placeIn,
  readDocuments,
  table,
  words,
  type Document,
  type Table,
} from "./yaml.ts";

export const isCompose = ({ text }: Source): boolean =>
  /^services:\s*(#.*)?$/m.test(text);

/** `known`: files with a service that is eddy. */
export async function lookAtCompose(sources: readonly Source[]): Promise<Look> {
  const { documents, findings, known, notes } = readDocuments(sources);
  const services = documents.flatMap((document) =>
    Object.entries(table(document.value.services)).map(
      ([name, service]) => [document, name, table(service)] as const,
    ),
  );
  const ours = services.filter(([, name, service]) => isOurs(name, service));
  const found = await Promise.all(
    ours.map(([document, name, service]) => lookAt(document, name, service)),
  );
  return {
    findings: [...findings, ...found.flat()],
    known: [...known, ...ours.map(([{ file }]) => file)],
    notes,
  };
}

/** A `$` that Compose leaves to the container is written twice. */
const commandOf = ({ command, entrypoint }: Table): string[] =>
  [...(words(entrypoint) ?? []), ...(words(command) ?? [])].map((word) =>
    word.replaceAll("$$", "$"),
  );

function isOurs(name: string, service: Table): boolean {
  const given = commandOf(service);
  return given.length > 0 ? startsEddy(given) : /\beddy\b/.test(name);
}

async function lookAt(document: Document, name: string, service: Table) {
  const { ports, stop_grace_period, user } = service;
  const given = commandOf(service);
  const own = [new RegExp(`^\\s+${literally(name)}:`, "m")];
  return await lookAtStart(
    {
      where: placeIn(document, own),
      words: given.length > 0 ? given : ["eddy"],
      env: variablesOf(document.file, service),
      grace: {
        ms: msOf(asText(stop_grace_period ?? "10s")),
        name: "Docker",
        setting: "stop_grace_period",
      },
      isRoot: /^(root|0)(:|$)/.test(asText(user ?? "")),
      isPrivileged: true,
      isContainer: true,
    },
    [portCheck(portsOf(ports), "ports")],
  );
}

/** Of `env_file`, one that is not here may say anything; so may the shell for names without a value. */
function variablesOf(
  file: string,
  { environment, env_file }: Table,
): Environment {
  const files = (Array.isArray(env_file) ? env_file : [env_file ?? []])
    .flat()
    .map((one) => asText(table(one).path ?? one));
  const found = files.map((one) => readVariables(join(dirname(file), one)));
  const pairs = Array.isArray(environment)
    ? environment.map((one) => asText(one).split(/=(.*)/s).slice(0, 2))
    : Object.entries(table(environment)).map(([name, value]) => [
        name,
        value === null ? undefined : asText(value),
      ]);
  const own = pairs.map(([name, value]) => [name!, value && expand(value)]);
  const unknown = own.filter(([, value]) => value === undefined);
  return environmentOf(
    Object.assign(
      {},
      ...found,
      Object.fromEntries(own.filter(([, value]) => value !== undefined)),
    ),
    unknown.map(([name]) => name!),
    found.includes(undefined),
  );
}

/** With the shell's own variables as if they were not set. Undefined with one that has no default. */
function expand(text: string): string | undefined {
  const plain = text.replace(/\$\{\w+:?-([^}]*)\}/g, "$1");
  return /\$(?!\$)/.test(plain.replaceAll("$$", ""))
    ? undefined
    : plain.replaceAll("$$", "$");
}

/** Those within the container: the last number of `127.0.0.1:80:8000/tcp`. */
const portsOf = (ports: unknown): number[] =>
  list(ports).map((port) =>
    typeof port === "object"
      ? Number(table(port).target)
      : Number(/(\d+)(?:\/\w+)?$/.exec(asText(port))?.[1]),
  );

/** As Go writes durations: `90s`, `1m30s`. */
const msOf = (text: string): number =>
  [...text.matchAll(/(\d+)(ms|[smh])/g)].reduce(
    (sum, [, number, unit]) =>
      sum +
      Number(number) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit as "s"],
    0,
  );
