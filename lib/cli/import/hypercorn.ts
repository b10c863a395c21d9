/** Hypercorn's flags, by ours that they become. */
import { COMMON, defaults } from "./asgi-servers.ts";
import { missing, needless, to, type TranslationTable } from "./rules.ts";
import {
  addresses,
  certificates,
  grace,
  loopOf,
  text,
  whole,
} from "./values.ts";

export const HYPERCORN: TranslationTable = {
  server: "Hypercorn",
  rules: {
    app: COMMON["app"]!,
    "bind, insecure-bind": to("http", addresses),
    workers: to("pythonProcesses", whole),
    "worker-class": to("pythonLoop", loopOf),
    "max-requests": to("pythonMaxRequests", whole),
    backlog: to("pythonQueue", whole),
    "graceful-timeout": to("drainTimeout", grace),
    "access-log, access-logfile": to("accessLog", text),
    "error-log, error-logfile, log-file": to("errorLog", text),
    "access-logformat": to("logFormat", text),
    "log-level": COMMON["log-level"]!,
    certfile: to("tlsCert", text),
    keyfile: to("tlsKey", text),
    "keyfile-password": to("tlsPassphrase", text),
    "ca-certs": to("tlsCa", text),
    "cert-reqs": to("tlsVerifyClient", certificates),
    ciphers: to("tlsCiphers", text),
    pid: to("pid", text),
    user: to("user", text),
    group: to("group", text),
    umask: to("umask", text),

    "max-requests-jitter": needless("a tenth of `pythonMaxRequests`, always"),
    "websocket-ping-interval": needless(
      "clients that are gone are noticed, always",
    ),

    "reload*": COMMON["reload*"]!,
    "log-config": COMMON["log-config"]!,
    debug: missing("`logLevel`"),
    "keep-alive, read-timeout": missing("`idleTimeoutMs` of a Loop"),
    "root-path": missing(
      "`mount` in place of `app`: /prefix=python:app:app, for requests that have the prefix",
    ),
    "quic-bind": missing("HTTP/1.1 and HTTP/2 (`http2`); the server in front"),
    "server-name": missing("the server in front"),
    "statsd-*": missing("`stats`, which Prometheus reads at /metrics"),
    "verify-mode": missing("`tlsVerifyClient`"),
    config: missing("its flags on the command line: import those"),
  },
  defaults,
};
