/** Where a configuration of nginx hands requests on, and what holds there. */
import { parseTarget, type Target } from "../../engine/target.ts";
import type { Setup } from "./finding.ts";
import type { Block, Directive } from "./nginx-syntax.ts";
import { textsOf, type Requests } from "./nginx-variables.ts";
import { httpTargets } from "./setup.ts";

/** A `proxy_pass` or `uwsgi_pass`, and what holds there. */
export interface Pass {
  readonly setup: Setup;
  readonly kind: "proxy" | "uwsgi";
  readonly scheme: string;
  /** Paths of the location; empty outside. */
  readonly path: string;
  /** The servers behind it. */
  readonly targets: readonly string[];
  readonly upstream: Block | undefined;
  readonly isTls: boolean;
  /** All files that are included are here. */
  readonly isWhole: boolean;
  /** The words of a directive: those of the innermost block that has it. */
  readonly value: (name: string) => readonly string[] | undefined;
  /** Values of header fields by their names in lower case; undefined where a file that says them is not here. */
  readonly fields: ReadonlyMap<string, string> | undefined;
  /** uwsgi parameters, as `fields`. */
  readonly parameters: ReadonlyMap<string, string> | undefined;
  /** All that a value may become here. */
  readonly texts: (value: string, requests: Requests) => string[];
}

export interface Placed {
  readonly where: string;
  readonly pass: Pass;
  /** Where a block around has lines that this one does not inherit: what holds if it did. */
  readonly inherited: Inherited | undefined;
}

interface Inherited {
  readonly pass: Pass;
  /** Of the directive. */
  readonly name: string;
  /** The first of the lines here, and there. */
  readonly own: string;
  readonly outer: string;
  /** What those there say that these do not. */
  readonly lost: readonly string[];
}

/** Without a host, ours is any; a name may be this machine's. */
export function leadsHere({ kind, targets, setup }: Pass): boolean {
  const ours =
    kind === "proxy" ? httpTargets(setup) : [parseTarget(setup.settings.uwsgi)];
  return targets.some((text) => {
    const target = parseTarget(text) ?? parseTarget(`${text}:80`);
    return (
      target !== undefined && ours.some((one) => one && isSame(one, target))
    );
  });
}

/** No variable that is not known here. */
export const leadsSomewhere = ({ pass: { targets } }: Placed): boolean =>
  !targets.some((target) => target.includes("$"));

const isSame = (a: Target, b: Target): boolean =>
  "path" in a || "path" in b
    ? "path" in a && "path" in b && a.path === b.path
    : a.port === b.port;

export function* passesIn(
  block: Block,
  around: readonly Block[],
  setup: Setup,
  path = "",
  isTls = false,
): Generator<Placed> {
  for (const directive of block.directives) {
    const kind = PASSES[directive.name];
    if (kind !== undefined) {
      const pass = passOf(directive, kind, around, setup, path, isTls);
      const inherited = inheritedBy(pass, around);
      yield { where: placeOf(directive), pass, inherited };
    }
    if (directive.block === undefined) continue;
    const { name, words } = directive;
    yield* passesIn(
      directive.block,
      [directive.block, ...around],
      setup,
      name === "location" ? `${path} ${words.join(" ")}` : path,
      isTls || hasTls(directive.block),
    );
  }
}

const PASSES: Readonly<Record<string, "proxy" | "uwsgi" | undefined>> = {
  proxy_pass: "proxy",
  uwsgi_pass: "uwsgi",
};

const hasTls = ({ directives }: Block): boolean =>
  directives.some(
    ({ name, words }) =>
      name === "listen" && words.some((word) => /^(ssl|quic)$/.test(word)),
  );

export const placeOf = ({ file, line }: Directive): string => `${file}:${line}`;

function passOf(
  { words }: Directive,
  kind: "proxy" | "uwsgi",
  around: readonly Block[],
  setup: Setup,
  path: string,
  isTls: boolean,
): Pass {
  const places = textsOf(words[0] ?? "", around, "all").map((text) => {
    const [, scheme = "http", rest = ""] =
      /^(?:(https?):\/\/)?(.*)$/.exec(text) ?? [];
    const host = rest.startsWith("unix:")
      ? rest.replace(/:[^:/]*\/?$|:$/, "")
      : rest.replace(/\/.*/, "");
    return { scheme, host, upstream: upstreamOf(host, around) };
  });
  const { scheme, upstream } =
    places.find((one) => one.upstream !== undefined) ?? places[0]!;
  return {
    setup,
    kind,
    scheme,
    path,
    isTls,
    isWhole: !around.some(({ isPart }) => isPart),
    upstream,
    targets: places
      .filter(({ host }) => host !== "")
      .flatMap((one) => serversIn(one.upstream) ?? [one.host]),
    value: (name) => valueIn(around, name),
    fields: tableIn(around, FIELDS.proxy),
    parameters: tableIn(around, FIELDS.uwsgi),
    texts: (value, requests) => textsOf(value, around, requests),
  };
}

/** By which header fields and parameters are set. */
const FIELDS = { proxy: "proxy_set_header", uwsgi: "uwsgi_param" } as const;

const upstreamOf = (
  host: string,
  around: readonly Block[],
): Block | undefined =>
  around
    .flatMap(({ directives }) => directives)
    .find(({ name, words: [of] }) => name === "upstream" && of === host)?.block;

const serversIn = (upstream: Block | undefined): string[] | undefined =>
  upstream?.directives
    .filter(({ name }) => name === "server")
    .map(({ words }) => words[0]!);

function valueIn(
  around: readonly Block[],
  name: string,
): readonly string[] | undefined {
  for (const block of around) {
    const found = lineIn(block, name);
    if (found !== undefined) return found.words;
  }
  return undefined;
}

/** The last counts. */
export const lineIn = (
  { directives }: Block,
  name: string,
): Directive | undefined => directives.findLast((one) => one.name === name);

/** Those of the innermost block that has any: outer ones count for nothing then. */
function tableIn(
  around: readonly Block[],
  name: string,
): ReadonlyMap<string, string> | undefined {
  for (const block of around) {
    if (block.isPart) return undefined;
    const found = linesIn(block, name);
    if (found.length > 0) return tableOf(found);
  }
  return new Map();
}

const linesIn = ({ directives }: Block, name: string): Directive[] =>
  directives.filter((one) => one.name === name);

const tableOf = (lines: readonly Directive[]): ReadonlyMap<string, string> =>
  new Map(
    lines.map(({ words: [key = "", value = ""] }) => [
      key.toLowerCase(),
      value,
    ]),
  );

function inheritedBy(
  pass: Pass,
  around: readonly Block[],
): Inherited | undefined {
  const name = FIELDS[pass.kind];
  const [own, outer] = around
    .map((block) => linesIn(block, name))
    .filter((lines) => lines.length > 0);
  const known = pass.kind === "proxy" ? pass.fields : pass.parameters;
  if (own === undefined || outer === undefined || known === undefined)
    return undefined;
  const table = new Map([...tableOf(outer), ...tableOf(own)]);
  return {
    pass: {
      ...pass,
      ...(pass.kind === "proxy" ? { fields: table } : { parameters: table }),
    },
    name,
    own: placeOf(own[0]!),
    outer: placeOf(outer[0]!),
    lost: outer
      .map(({ words: [field = ""] }) => field)
      .filter((field) => !known.has(field.toLowerCase())),
  };
}
