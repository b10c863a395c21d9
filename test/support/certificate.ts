/** A certificate for TLS in tests, of 2026 and for a hundred years, and its key: it is trusted nowhere. */
import { join } from "node:path";
import { ROOT } from "./root.ts";

const file = (name: string): string =>
  join(ROOT, "test/support/certificate", name);

export const CERTIFICATE = { key: file("key.pem"), cert: file("cert.pem") };
