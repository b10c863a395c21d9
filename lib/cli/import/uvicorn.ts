/** Uvicorn's flags, by ours that they become. */
import { COMMON, defaults, together } from "./asgi-servers.ts";
import { missing, needless, to, type TranslationTable } from "./rules.ts";
import {
  certificates,
  grace,
  headerBytes,
  interfaceOf,
  loopOf,
  text,
  trusted,
  whole,
  yes,
} from "./values.ts";

export const UVICORN: TranslationTable = {
  server: "Uvicorn",
  rules: {
    ...COMMON,
    fd: to("fd", whole),
    workers: to("pythonProcesses", whole),
    loop: to("pythonLoop", loopOf),
    interface: to("pythonInterface", interfaceOf),
    "app-dir": to("pythonPath", (value) => [text(value)]),
    "limit-concurrency": to("maxConcurrent", whole),
    "limit-max-requests": to(
      "pythonMaxRequests",
      whole,
      "the process is replaced",
    ),
    backlog: to("pythonQueue", whole),
    "timeout-graceful-shutdown": to("drainTimeout", grace),
    "h11-max-incomplete-event-size": to("maxHeaders", headerBytes),
    "forwarded-allow-ips": to("trustProxy", trusted),
    "proxy-headers": {
      becomes: ["trustProxy"],
      remark: "so it is for those that `trustProxy` names",
      read: (value) => (yes(value) ? {} : { trustProxy: [] }),
    },
    "ssl-keyfile": to("tlsKey", text),
    "ssl-certfile": to("tlsCert", text),
    "ssl-keyfile-password": to("tlsPassphrase", text),
    "ssl-ca-certs": to("tlsCa", text),
    "ssl-cert-reqs": to("tlsVerifyClient", certificates),
    "ssl-ciphers": to("tlsCiphers", text),

    lifespan: needless("as the application answers"),
    "http, ws, ssl-version": needless("nothing to set"),
    "ws-ping-*, ws-per-message-deflate, ws-max-queue": needless(
      "clients that are gone are noticed, always",
    ),
    "use-colors, server-header, date-header": needless("nothing to set"),

    "ws-max-size": missing("a message has 16 MiB at most, always"),
    "root-path": missing(
      "`mount` in place of `app`: /prefix=python:app:app, for requests that have the prefix",
    ),
    "timeout-keep-alive": missing("`idleTimeoutMs` of a Loop"),
    "timeout-worker-healthcheck": needless("processes are watched"),
    "env-file": missing("`settings`, or EnvironmentFile of systemd"),
    header: missing("the server in front, or the application"),
  },
  prepare: together,
  defaults: () => ({
    ...defaults(),
    accessLog: "-",
    trustProxy: ["127.0.0.1"], // and who sends its requests from there says where they come from
  }),
};
