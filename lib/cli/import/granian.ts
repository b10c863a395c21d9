/** Granian's flags, by ours that they become. */
import { COMMON, defaults, together } from "./asgi-servers.ts";
import {
  missing,
  needless,
  to,
  TranslationError,
  type TranslationTable,
} from "./rules.ts";
import { grace, interfaceOf, loopOf, text, whole, yes } from "./values.ts";

export const GRANIAN: TranslationTable = {
  server: "Granian",
  rules: {
    ...COMMON,
    interface: to("pythonInterface", interfaceOf),
    workers: to("pythonProcesses", whole),
    "blocking-threads": to("pythonThreads", whole),
    loop: to("pythonLoop", loopOf),
    backpressure: to("pythonMaxConcurrent", whole),
    backlog: to("pythonQueue", whole),
    "workers-kill-timeout": to("drainTimeout", grace),
    "access-log-fmt": missing("`logFormat`, in Apache's or Gunicorn's way"),
    "ssl-certificate": to("tlsCert", text),
    "ssl-keyfile": to("tlsKey", text),
    "ssl-keyfile-password": to("tlsPassphrase", text),
    "ssl-protocol-min": to("tlsMinVersion", minimum),
    "ssl-ca": to("tlsCa", text),
    "ssl-client-verify": to("tlsVerifyClient", (value) =>
      yes(value) ? "require" : "none",
    ),
    "working-dir": to("chdir", text),
    "pid-file": to("pid", text),

    "http, ws": needless("both, always; `http2` for HTTP/2"),
    "http1-*, http2-*, task-impl, process-name": needless("nothing to set"),
    "runtime-*, blocking-threads-idle-timeout": needless("nothing to set"),
    "respawn-*": needless("a process that has ended is replaced, always"),

    log: missing("`logLevel`"),
    "workers-lifetime": missing("`pythonMaxRequests`"),
    "workers-max-rss, rss-*": missing(
      "`pythonMaxRequests`, or a limit of systemd's (MemoryMax)",
    ),
    "url-path-prefix": missing(
      "`mount` in place of `app`: /prefix=python:app:app, for requests that have the prefix",
    ),
    "static-path-*": missing("`static`: /prefix=folder"),
    "metrics*": missing("`stats`, which Prometheus reads at /metrics"),
    "env-files": missing("`settings`, or EnvironmentFile of systemd"),
    "uds-permissions": missing("`umask`"),
    "ssl-crl": missing("the server in front"),
  },
  prepare: together,
  defaults,
};

function minimum(value: unknown): "TLSv1.2" | "TLSv1.3" {
  const version = text(value).replace(/^tls/i, "");
  if (version !== "1.2" && version !== "1.3")
    throw new TranslationError(`${text(value)} is neither tls1.2 nor tls1.3`);
  return `TLSv${version}`;
}
