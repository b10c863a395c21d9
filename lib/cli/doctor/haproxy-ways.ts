/** Config files of HAProxy: their sections, and the ways through them to servers. */
import { parseTarget } from "../../engine/target.ts";
import type { Setup } from "./finding.ts";
import { httpTargets } from "./setup.ts";
import { wordsOf, type Source } from "./text.ts";

export interface Line {
  readonly words: readonly string[];
  readonly text: string;
  /** Its file and number. */
  readonly where: string;
}

/** A section: `defaults`, `frontend`, `backend`, `listen`, … */
export interface Section {
  readonly kind: string;
  readonly name: string;
  /** The name of its defaults; without one, those above it hold. */
  readonly from: string | undefined;
  readonly where: string;
  readonly lines: readonly Line[];
}

/** From a frontend to a section with servers, and all that holds on it. */
export interface Way {
  readonly setup: Setup;
  readonly where: string;
  readonly isHttp: boolean;
  readonly isTls: boolean;
  readonly servers: readonly Line[];
  /** What stands in it, in the frontend that leads to it, and in the defaults of both. */
  readonly lines: readonly Line[];
  /** Those of its own, and of its defaults. */
  readonly own: readonly string[];
  /** The last line that says it; undefined for `no`, too. */
  readonly option: (name: string) => Line | undefined;
  readonly isOn: (option: string) => boolean;
  /** Some line sets that header field of the request, or removes it. */
  readonly sets: (field: string) => boolean;
}

const SECTION =
  /^(global|defaults|frontend|backend|listen|peers|resolvers|userlist|cache|program|mailers|ring)\b/;

export const isHaproxy = ({ text }: Source): boolean =>
  /^(global|defaults|frontend|backend|listen)\b.*$/m.test(text) &&
  /^\s+(mode|bind|server|timeout|default_backend|option|log|maxconn|crt-base)\b/m.test(
    text,
  );

/** Those of all files, in their order. */
export const sectionsOf = (sources: readonly Source[]): Section[] =>
  sources.flatMap((source) => [...sectionsIn(source)]);

function* sectionsIn({ file, text }: Source): Generator<Section> {
  let section: (Section & { readonly lines: Line[] }) | undefined;
  for (const [i, raw] of text.split("\n").entries()) {
    const words = wordsOf(raw.replace(/(^|\s)#.*/, ""));
    const where = `${file}:${i + 1}`;
    if (words.length === 0) continue;
    if (SECTION.test(raw)) {
      if (section !== undefined) yield section;
      const [kind = "", name = ""] = words;
      const from = words.includes("from") ? words.at(-1) : undefined;
      section = { kind, name, from, where, lines: [] };
    } else section?.lines.push({ words, text: words.join(" "), where });
  }
  if (section !== undefined) yield section;
}

/** One for each frontend that leads to servers, and one without. */
export function waysIn(sections: readonly Section[], setup: Setup): Way[] {
  return sections
    .filter(({ kind }) => kind === "backend" || kind === "listen")
    .filter(({ lines }) => lines.some(({ words: [name] }) => name === "server"))
    .flatMap((section) => {
      const fronts = sections.filter((one) => leadsTo(one, section));
      return fronts.length === 0
        ? [wayOf(section, [], sections, setup)]
        : fronts.map((front) =>
            wayOf(section, linesFor(front, sections), sections, setup),
          );
    });
}

/** Also on a condition, or where a request says the name. */
const leadsTo = ({ kind, lines }: Section, { name }: Section): boolean =>
  kind === "frontend" &&
  lines.some(
    ({ words: [word, backend = ""] }) =>
      (word === "default_backend" || word === "use_backend") &&
      (backend === name || backend.includes("%[")),
  );

function wayOf(
  section: Section,
  front: readonly Line[],
  sections: readonly Section[],
  setup: Setup,
): Way {
  const own = linesFor(section, sections);
  const lines = [...front, ...own];
  const texts = own.map(({ text }) => text);
  const option = (name: string): Line | undefined => {
    const pattern = new RegExp(`^(no )?option ${name}( |$)`);
    const last = lines.findLast(({ text }) => pattern.test(text));
    return last?.words[0] === "no" ? undefined : last;
  };
  return {
    setup,
    where: section.where,
    own: texts,
    lines,
    servers: section.lines.filter(({ words: [name] }) => name === "server"),
    isHttp: lastOf(texts, /^mode (\S+)/) === "http",
    isTls: lines.some(({ text }) => /^bind\b.* ssl\b/.test(text)),
    option,
    isOn: (name) => option(name) !== undefined,
    sets: (field) => {
      const pattern = new RegExp(
        `^http-request (set-header|add-header|del-header|replace-header) ${field}( |$)`,
        "i",
      );
      return lines.some(({ text }) => pattern.test(text));
    },
  };
}

/** Behind those of its defaults, which may have others themselves. */
function linesFor(section: Section, sections: readonly Section[]): Line[] {
  const { kind, from, lines } = section;
  const before = sections.slice(0, sections.indexOf(section));
  const defaults = before.findLast(
    (one) =>
      one.kind === "defaults" &&
      (from === undefined ? kind !== "defaults" : one.name === from),
  );
  const inherited = defaults === undefined ? [] : linesFor(defaults, sections);
  return [...inherited, ...lines];
}

export function leadsHere({ servers, setup }: Way): boolean {
  const ports = httpTargets(setup).map((one) =>
    "port" in one ? one.port : one.path,
  );
  return servers.some(({ words: [, , address = ""] }) => {
    const target = parseTarget(
      address.replace(/^\//, "unix:/").replace(/^unix@/, "unix:"),
    );
    return (
      target !== undefined &&
      ports.includes("port" in target ? target.port : target.path)
    );
  });
}

export const lastOf = (
  lines: readonly string[],
  pattern: RegExp,
): string | undefined =>
  lines
    .map((line) => pattern.exec(line)?.[1])
    .findLast((found) => found !== undefined);
