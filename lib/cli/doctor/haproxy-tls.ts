/** What is wrong with the certificates and authorities that an HAProxy names. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import {
  isReadable,
  lookAtAuthorities,
  lookAtFrontFiles,
  lookAtPair,
  type Shower,
} from "./certificates.ts";
import type { Look } from "./finding.ts";
import type { Line, Section } from "./haproxy-ways.ts";

type Seen = Pick<Look, "findings" | "notes">;

/** Each file once, where it is named first: by `bind`, by the lists of certificates there, and by servers. */
export function lookAtHaproxyTls(sections: readonly Section[]): Seen {
  const lines = sections.flatMap((section) => section.lines);
  const base = (name: string): string | undefined =>
    lines.findLast(({ words }) => words[0] === name)?.words[1];
  const [crtBase, caBase] = [base("crt-base"), base("ca-base")];
  const seen = new Map<string, Seen>();
  const once = (file: string, look: () => Seen): void => {
    if (!seen.has(file)) seen.set(file, look());
  };
  for (const line of lines.filter(({ words }) => NAMING.test(words[0]!))) {
    const shown = line.words[0] === "bind" ? SHOWN : [];
    for (const [name, filesOf] of shown)
      for (const path of valuesOf(line, name))
        for (const file of filesOf(placed(path, line, crtBase)))
          once(file, () => lookAtCombined(file, line));
    for (const path of valuesOf(line, "ca-file").filter(isFile)) {
      const file = placed(path, line, caBase);
      once(file, () =>
        lookAtFrontFiles([file], line.where, () =>
          lookAtAuthorities(file, showerAt(line)),
        ),
      );
    }
  }
  const all = [...seen.values()];
  return {
    findings: all.flatMap(({ findings }) => findings),
    notes: all.flatMap(({ notes }) => notes),
  };
}

const NAMING = /^(bind|server|default-server)$/;

/** `@system-ca` and the like are none. */
const isFile = (path: string): boolean => !path.startsWith("@");

const valuesOf = ({ words }: Line, name: string): string[] =>
  words.flatMap((word, i) =>
    word === name && words[i + 1] !== undefined ? [words[i + 1]!] : [],
  );

/** In the folder of `crt-base`; without one, in that of the file, where HAProxy is told to begin there. */
function placed(
  path: string,
  { where }: Line,
  base: string | undefined,
): string {
  if (isAbsolute(path)) return path;
  const folders = [...(base === undefined ? [] : [base]), dirname(where), "."];
  const paths = folders.map((folder) => join(folder, path));
  return paths.find((one) => existsSync(one)) ?? paths[0]!;
}

/** A folder stands for all certificates in it. */
function inFolder(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => !/^\.|\.(key|dh|ocsp|issuer|sctl)$/.test(name))
    .map((name) => join(path, name));
}

/** The first word of each line. */
function inList(path: string): string[] {
  if (!isReadable(path)) return [path];
  return readFileSync(path, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s/)[0]!)
    .filter((word) => word !== "" && !word.startsWith("#"))
    .map((word) => (isAbsolute(word) ? word : join(dirname(path), word)));
}

const SHOWN = [
  ["crt", inFolder],
  ["crt-list", inList],
] as const;

/** Certificate and key in one file, or the key beside it. */
function lookAtCombined(cert: string, line: Line): Seen {
  const beside = [`${cert}.key`, cert.replace(/\.\w+$/, ".key")].find(
    (path) => path !== cert && existsSync(path),
  );
  const key = hasKey(cert) ? cert : (beside ?? cert);
  return lookAtFrontFiles([cert, key], line.where, () =>
    lookAtPair({ cert, key }, showerAt(line)),
  );
}

const hasKey = (file: string): boolean =>
  isReadable(file) && /PRIVATE KEY-----/.test(readFileSync(file, "latin1"));

const showerAt = ({ where }: Line): Shower => ({
  where,
  renewal: "systemctl reload haproxy",
  reader: "root, who starts HAProxy",
  authorities: [],
});
