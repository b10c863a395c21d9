/** The settings of TLS, for the table in `schema.ts`. `tls.ts` says what they mean. */
import {
  CIPHERS,
  CIPHERS_RULE,
  CLIENT_VERIFICATIONS,
  TLS_VERSIONS,
} from "../engine/listen-options.ts";
import { choice, list, PATH, secret, text, textThat } from "./kinds.ts";
import { group, setting } from "./setting.ts";

export const TLS_SETTINGS = group("TLS", {
  tlsKey: setting(
    list("FILE", PATH),
    [],
    "key.pem",
    "Speak TLS with this key (PEM). With `tlsCert`, repeat it for more.",
  ),
  tlsCert: setting(
    list("FILE", PATH),
    [],
    "cert.pem",
    "The certificate for it (PEM), and behind it those between it and its authority. " +
      "Of several, clients get the one with the name that they ask for (SNI), or else the first.",
  ),
  tlsPassphrase: setting(
    secret(1),
    "",
    "correct-horse",
    "The passphrase of the keys. " +
      "All users of the machine see flags in the list of processes: give it by variable or file.",
  ),
  tlsPassphraseFile: setting(
    text("FILE", PATH),
    "",
    "/run/secrets/tls",
    "A file whose first line is the passphrase, in place of `tlsPassphrase`.",
  ),
  tlsCiphers: setting(
    textThat("LIST", CIPHERS_RULE[1], (given) => CIPHERS_RULE[0](given)),
    CIPHERS,
    "ECDHE+AESGCM",
    "The ciphers of TLS 1.2, as OpenSSL names them. The default is what RFC 9325 recommends. All of TLS 1.3 are taken.",
  ),
  tlsMinVersion: setting(
    choice(...TLS_VERSIONS),
    "TLSv1.2",
    "TLSv1.3",
    "The least version of TLS. The engine is `node` for `TLSv1.3`.",
  ),
  tlsVerifyClient: setting(
    choice("none", ...CLIENT_VERIFICATIONS),
    "none",
    "require",
    "Whether clients show a certificate that an authority in `tlsCa` has signed: they have to (`require`), " +
      "or may (`optional`). The engine is `node` then.",
  ),
  tlsCa: setting(
    text("FILE", PATH),
    "",
    "clients.pem",
    "The authorities that sign the certificates of clients (PEM).",
  ),
});
