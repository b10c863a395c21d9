/** What is wrong with certificates and keys that somebody names themselves. */
import { lookAtCertificate, lookAtKey, type Shower } from "./certificates.ts";
import type { Look } from "./finding.ts";
import type { Source } from "./text.ts";

/** In a folder there are others beside those that somebody shows. */
export const isPem = ({ text, isNamed }: Source): boolean =>
  isNamed &&
  /^-----BEGIN (TRUSTED |X509 )?(CERTIFICATE|.*PRIVATE KEY)-----/m.test(text);

export const lookAtPem = (sources: readonly Source[]): Look => ({
  findings: sources.flatMap(({ file, text }) => [
    ...(/BEGIN .*CERTIFICATE-/.test(text)
      ? lookAtCertificate(file, showerOf(file))
      : []),
    ...(/PRIVATE KEY-/.test(text) ? lookAtKey(file, showerOf(file)) : []),
  ]),
  known: sources.map(({ file }) => file),
  notes: [],
});

const showerOf = (where: string): Shower => ({
  where,
  renewal: "a reload of whoever shows it",
  reader: "the group of whoever shows it",
  authorities: [],
});
