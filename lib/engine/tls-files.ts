/** Key and certificate of a listener: read, and tried by Node, which can say what is wrong with them. */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { ListenError } from "../common/errors.ts";
import type { TlsOptions } from "./listen-options.ts";

/** What `node:tls` takes. */
export interface KeyAndCertificate {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly passphrase: string | undefined;
}

/** @throws {ListenError} naming the file, and what is wrong. */
export function readTls({
  key,
  cert,
  passphrase,
}: TlsOptions): KeyAndCertificate {
  const files = {
    key: read(key, "key"),
    cert: read(cert, "certificate"),
    passphrase,
  };
  try {
    createSecureContext(files);
  } catch (cause) {
    throw new ListenError(
      `the TLS key ${key} and certificate ${cert} do not work: ${(cause as Error).message}`,
      { cause },
    );
  }
  return files;
}

function read(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ListenError(
      `cannot read the TLS ${what}: ${(cause as Error).message}`,
      { cause },
    );
  }
}
