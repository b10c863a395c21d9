/** Files of YAML, as the doctor reads them: what is not as it should be is empty. */
import { parseYAML } from "confbox";
import type { Finding, Look } from "./finding.ts";
import { wordsOf, type Source } from "./text.ts";

export type Table = Readonly<Record<string, unknown>>;

/** With what it takes from others by `<<`. */
export function table(value: unknown): Table {
  if (typeof value !== "object" || value === null) return {};
  const { "<<": others, ...own } = value as Table;
  if (others === undefined) return value as Table;
  const bases = [others].flat().toReversed().map(table);
  return Object.assign({}, ...bases, own) as Table;
}

export const asText = (value: unknown): string =>
  /^(string|number|boolean)$/.test(typeof value)
    ? String(value as string | number | boolean)
    : "";
export const list = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : [];
export const words = (value: unknown): string[] | undefined =>
  typeof value === "string"
    ? wordsOf(value)
    : Array.isArray(value)
      ? value.map(asText)
      : undefined;

export interface Document {
  readonly value: Table;
  readonly file: string;
  readonly text: string;
  /** Where it begins. */
  readonly line: number;
}

/** All that can be read, and of what cannot: why. */
export function readDocuments(
  sources: readonly Source[],
): Look & { readonly documents: readonly Document[] } {
  const documents: Document[] = [];
  const findings: Finding[] = [];
  const notes: string[] = [];
  for (const source of sources)
    try {
      documents.push(...documentsIn(source));
    } catch (error) {
      if (!(error instanceof Error && error.name === "YAMLException"))
        throw error;
      const { file, text } = source;
      const what = error.message.split("\n")[0]!;
      if (/\{\{/.test(text))
        notes.push(
          `${file}: a template, which becomes YAML only where it is used (helm template)`,
        );
      else
        findings.push({
          code: "file-syntax",
          where: file,
          what,
          todo: "valid YAML",
        });
    }
  const known = findings.map(({ where }) => where);
  return { documents, findings, known, notes };
}

/** @throws where it is no YAML. */
function documentsIn({ file, text: whole }: Source): Document[] {
  let line = 1;
  return whole.split(/^---.*$/m).flatMap((text) => {
    const at = line;
    line += text.split("\n").length - 1;
    return /^\s*[^#\s]/m.test(text)
      ? [{ value: table(parseYAML(text)), file, text, line: at }]
      : [];
  });
}

/** The line of the first of the patterns that is there, behind what another one finds; or where the document begins. */
export function placeIn(
  { file, text, line }: Document,
  patterns: readonly RegExp[],
  behind = /^/,
): string {
  const start = Math.max(0, text.search(behind));
  const at = patterns
    .map((pattern) => text.slice(start).search(pattern))
    .find((found) => found >= 0);
  const before = text.slice(0, at === undefined ? 0 : start + at);
  const blank = at === undefined ? /^\s*/.exec(text)![0] : "";
  return `${file}:${line + (before + blank).split("\n").length - 1}`;
}

/** A name or a path, for an expression. */
export const literally = (text: string): string =>
  text.replace(/[^\w\s]/g, "\\$&");
