/** TLS as the settings of the command say it. */
import { expect } from "chai";
import { configure } from "../../../lib/cli/configure.ts";
import { CommandFailure } from "../../../lib/cli/failure.ts";
import { readCertificates, tlsOf } from "../../../lib/cli/tls.ts";
import type { Settings } from "../../../lib/cli/schema.ts";
import {
  makeCertificate,
  OPENSSL_MISSING,
} from "../../support/certificates.ts";
import { folderWith } from "../../support/folder.ts";
import { describeIf } from "../../support/programs.ts";

type Flags = Partial<Settings>;

const settingsOf = async (flags: Flags): Promise<Settings> =>
  (await configure(flags, { env: {}, folders: [] })).settings;

describeIf(OPENSSL_MISSING, "The settings of TLS", () => {
  it("are the options of listen({ tls })", async () => {
    const settings = await settingsOf({
      tlsKey: ["a.key", "b.key"],
      tlsCert: ["a.pem", "b.pem"],
      tlsPassphraseFile: "secret",
      tlsCiphers: "ECDHE+AESGCM",
      tlsMinVersion: "TLSv1.3",
      tlsVerifyClient: "optional",
      tlsCa: "ca.pem",
    });
    expect(tlsOf(settings)).to.deep.equal({
      key: "a.key",
      cert: "a.pem",
      passphraseFile: "secret",
      sni: [{ key: "b.key", cert: "b.pem", passphraseFile: "secret" }],
      ciphers: "ECDHE+AESGCM",
      minVersion: "TLSv1.3",
      verifyClient: "optional",
      ca: "ca.pem",
    });
  });

  it("may be text in a config file, where there is one of each", async () => {
    const config = { tlsKey: "a.key", tlsCert: "a.pem" };
    const folder = folderWith({ "eddy.config.json": JSON.stringify(config) });
    const { settings } = await configure({}, { env: {}, folders: [folder] });
    expect(tlsOf(settings)).to.include({ key: "a.key", cert: "a.pem" });
  });

  const wrong: [
    what: string,
    flags: Flags,
    message: RegExp,
    make?: (folder: string) => unknown,
  ][] = [
    [
      "the key is missing",
      { tlsKey: ["none.pem"] },
      /^cannot read the TLS key: ENOENT: .*none.pem'$/,
    ],
    [
      "the certificate is none",
      { tlsCert: ["text"] },
      /^the TLS certificate .*text does not work: /,
    ],
    [
      "the key is that of another certificate",
      { tlsKey: ["other.key.pem"] },
      /^the TLS key .*other.key.pem is not that of the certificate .*own.pem$/,
      (folder) => makeCertificate(folder, "other"),
    ],
    [
      "the passphrase is wrong",
      { tlsPassphraseFile: "text" },
      /^the passphrase is not that of the TLS key .*own.key.pem$/,
      (folder) => makeCertificate(folder, "own", { passphrase: "battery" }),
    ],
    [
      "there are two for the passphrase",
      { tlsPassphraseFile: "text", tlsPassphrase: "battery" },
      /^of listen\(\{ tls \}\), passphrase and passphraseFile are the same/,
    ],
    [
      "two certificates are for one name",
      {
        tlsKey: ["own.key.pem", "other.key.pem"],
        tlsCert: ["own.pem", "other.pem"],
      },
      /^two TLS certificates are for a.test: .*own.pem and .*other.pem$/,
      (folder) => {
        for (const name of ["own", "other"])
          makeCertificate(folder, name, { names: ["a.test"] });
      },
    ],
    [
      "keys and certificates are no pairs",
      { tlsCert: ["own.pem", "other.pem"] },
      /^there are 1 of --tls-key and 2 of --tls-cert: /,
    ],
    [
      "there are no authorities",
      { tlsVerifyClient: "require" },
      /^--tls-verify-client and --tls-ca go together: /,
    ],
    [
      "the authorities cannot be read",
      { tlsVerifyClient: "require", tlsCa: "none.pem" },
      /^cannot read the TLS authorities: ENOENT: .*none.pem'$/,
    ],
    [
      "the ciphers do not exist",
      { tlsCiphers: "NONSENSE" },
      /^the TLS ciphers NONSENSE do not work: /,
    ],
    [
      "authorities are without TLS",
      { tlsKey: [], tlsCert: [], tlsVerifyClient: "require", tlsCa: "ca.pem" },
      /^--tls-ca takes a listener with TLS: /,
    ],
  ];
  for (const [what, flags, message, make] of wrong)
    it(`end the command with 2 where ${what}`, async () => {
      const folder = folderWith({ text: "no PEM" });
      makeCertificate(folder, "own");
      make?.(folder);
      const own = { tlsKey: ["own.key.pem"], tlsCert: ["own.pem"] };
      const settings = await settingsOf({ ...own, ...flags });
      const here = process.cwd();
      process.chdir(folder);
      try {
        expect(() => readCertificates(settings))
          .to.throw(CommandFailure, message)
          .with.property("exitCode", 2);
      } finally {
        process.chdir(here);
      }
    });
});
