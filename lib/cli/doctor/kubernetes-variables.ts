/** The variables of a container: its own, and those of ConfigMaps and Secrets that stand in the same files. */
import { environmentOf, type Environment } from "./setup.ts";
import { asText, list, table, type Document, type Table } from "./yaml.ts";

/** An object, in the document that has it. */
export interface Resource {
  readonly value: Table;
  readonly document: Document;
}

interface Variables {
  readonly environment: Environment;
  /** What is not here, as `ConfigMap shop`. */
  readonly missing: readonly string[];
}

const SOURCES = [
  { kind: "ConfigMap", all: "configMapRef", one: "configMapKeyRef" },
  { kind: "Secret", all: "secretRef", one: "secretKeyRef" },
] as const;

/** Those of `env` count where `envFrom` has them, too. */
export function variablesOf(
  container: Table,
  { metadata }: Table,
  resources: readonly Resource[],
): Variables {
  const { namespace } = table(metadata);
  const find = (kind: string, name: unknown): Table | undefined =>
    resources.find(({ value }) => {
      const its = table(value.metadata);
      const isThere =
        namespace === undefined ||
        its.namespace === undefined ||
        its.namespace === namespace;
      return value.kind === kind && its.name === name && isThere;
    })?.value;
  const values: NodeJS.ProcessEnv = {};
  const unknown = new Set<string>();
  const missing = new Set<string>();
  for (const entry of list(container.envFrom).map((one) => table(one)))
    for (const { kind, all } of SOURCES) {
      const { name } = table(entry[all]);
      if (name === undefined) continue;
      const found = find(kind, name);
      if (found === undefined) missing.add(`${kind} ${asText(name)}`);
      else
        for (const [key, value] of Object.entries(dataOf(found)))
          values[asText(entry.prefix) + key] = value;
    }
  for (const entry of list(container.env).map((one) => table(one))) {
    const [name, from] = [asText(entry.name), table(entry.valueFrom)];
    const value =
      entry.valueFrom === undefined
        ? expand(asText(entry.value), values)
        : SOURCES.map(({ kind, one }) => {
            const { name: of, key } = table(from[one]);
            const found = of === undefined ? undefined : find(kind, of);
            return found && dataOf(found)[asText(key)];
          }).find((one) => one !== undefined);
    unknown.delete(name);
    if (value === undefined) {
      unknown.add(name);
      delete values[name];
    } else values[name] = value;
  }
  return {
    environment: environmentOf(values, [...unknown], missing.size > 0),
    missing: [...missing],
  };
}

/** `$(NAME)` of those before it. Undefined with one that is not known. */
function expand(text: string, values: NodeJS.ProcessEnv): string | undefined {
  const names = [...text.matchAll(/\$\((\w+)\)/g)].map(([, name]) => name!);
  return names.every((name) => values[name] !== undefined)
    ? text.replace(/\$\((\w+)\)/g, (_, name: string) => values[name]!)
    : undefined;
}

/** What a Secret has in base64 is as readable as the rest of the file. */
function dataOf({ kind, data, stringData }: Table): Record<string, string> {
  const texts = Object.entries(table(data)).map(([key, value]) => [
    key,
    kind === "Secret"
      ? Buffer.from(asText(value), "base64").toString()
      : asText(value),
  ]);
  const plain = Object.entries(table(stringData)).map(([key, value]) => [
    key,
    asText(value),
  ]);
  return Object.fromEntries([...texts, ...plain]);
}
