/** What is wrong with the certificates and authorities that a configuration of nginx names. */
import { existsSync } from "node:fs";
import {
  isReadable,
  lookAtAuthorities,
  lookAtCertificate,
  lookAtFrontFiles,
  lookAtKey,
  lookAtPair,
  type Shower,
} from "./certificates.ts";
import type { Finding, Look } from "./finding.ts";
import { pathsOf, type Block, type Directive } from "./nginx-syntax.ts";

const AUTHORITIES = [
  "ssl_trusted_certificate",
  "ssl_client_certificate",
  "proxy_ssl_trusted_certificate",
  "uwsgi_ssl_trusted_certificate",
];

type Seen = Pick<Look, "findings" | "notes">;

/** Each file once, where it is named first. */
export function lookAtNginxTls(root: Block): Seen {
  const seen = new Map<string, Seen>();
  for (const [id, action] of looksIn(root, [root]))
    if (!seen.has(id)) seen.set(id, action());
  const all = [...seen.values()];
  return {
    findings: all.flatMap(({ findings }) => findings),
    notes: all.flatMap(({ notes }) => notes),
  };
}

/** What there is to look at, by names of files. */
function* looksIn(
  block: Block,
  around: readonly Block[],
): Generator<[id: string, look: () => Seen]> {
  /** By passphrases: any of several may be the one. */
  const isLocked = around.some(({ directives }) =>
    directives.some(({ name }) => name === "ssl_password_file"),
  );
  /** The first belongs to the first certificate. */
  const keys = around
    .map((outer) => named(outer, "ssl_certificate_key"))
    .find((found) => found.length > 0);
  const authorities = around
    .flatMap((outer) => named(outer, "ssl_client_certificate"))
    .map(fileOf)
    .filter(isReadable);
  for (const [i, certificate] of named(block, "ssl_certificate").entries()) {
    const key = keys?.[i];
    if (key !== undefined)
      yield* lookAt([certificate, key], ([cert = "", of = ""], at) => {
        const shower = { ...at, authorities };
        return isLocked
          ? [...lookAtCertificate(cert, shower), ...lookAtKey(of, shower)]
          : lookAtPair({ cert, key: of }, shower);
      });
  }
  for (const name of AUTHORITIES)
    for (const one of named(block, name))
      yield* lookAt([one], ([file], shower) =>
        lookAtAuthorities(file!, shower),
      );
  for (const { block: inner } of block.directives)
    if (inner !== undefined) yield* looksIn(inner, [inner, ...around]);
}

const named = ({ directives }: Block, name: string): Directive[] =>
  directives.filter((one) => one.name === name);

function fileOf({ words: [path = ""], folders }: Directive): string {
  const paths = pathsOf(path, folders);
  return paths.find((one) => existsSync(one)) ?? paths[0]!;
}

/** Nothing where a name is none of a file: one of variables, of an engine, or the text itself. */
function* lookAt(
  directives: readonly Directive[],
  action: (files: readonly string[], shower: Shower) => Finding[],
): Generator<[string, () => Seen]> {
  const files = directives.map(fileOf);
  const isKnown = directives.every(
    ({ words: [path = ""] }) => !/\$|^(data|engine|store):|^$/.test(path),
  );
  if (!isKnown) return;
  const { file, line } = directives[0]!;
  const where = `${file}:${line}`;
  const shower = {
    where,
    renewal: "nginx -s reload",
    reader: "root, who starts nginx",
    authorities: [],
  };
  yield [
    files.join("\0"),
    () => lookAtFrontFiles(files, where, () => action(files, shower)),
  ];
}
