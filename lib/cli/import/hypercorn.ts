/** Hypercorn's settings, by ours that they become. */
import type { ConfigFileSettings } from "../define-config.ts";
import { defaults } from "./asgi-servers.ts";
import {
  missing,
  needless,
  to,
  TranslationError,
  type TranslationTable,
} from "./rules.ts";
import {
  address,
  application,
  certificates,
  format,
  grace,
  headerBytes,
  level,
  loopOf,
  text,
  umask,
  watching,
  whole,
} from "./values.ts";

/** By the names that config files have; those of flags are in command-lines.ts. */
export const HYPERCORN: TranslationTable = {
  server: "Hypercorn",
  rules: {
    application_path: {
      becomes: ["app", "pythonInterface"],
      remark: "`pythonInterface` for asgi: or wsgi: in front",
      read: applicationPath,
    },
    "bind, insecure_bind": {
      becomes: ["http", "fd"],
      remark: "`fd` for fd://",
      read: binds,
    },
    workers: to("pythonProcesses", whole),
    worker_class: to("pythonLoop", loopOf),
    max_requests: to("pythonMaxRequests", whole),
    backlog: to("pythonQueue", whole),
    graceful_timeout: to("drainTimeout", grace),
    startup_timeout: to("startTimeout", grace),
    h11_max_incomplete_size: to("maxHeaders", headerBytes),
    accesslog: to("accessLog", text),
    access_log_format: to("logFormat", format),
    errorlog: to("errorLog", text),
    loglevel: to("logLevel", level),
    certfile: to("tlsCert", text),
    keyfile: to("tlsKey", text),
    keyfile_password: to("tlsPassphrase", text),
    ca_certs: to("tlsCa", text),
    "verify_mode, cert_reqs": to("tlsVerifyClient", verifyMode),
    ciphers: to("tlsCiphers", text),
    pid_path: to("pid", text),
    user: to("user", text),
    group: to("group", text),
    umask: to("umask", umask),
    use_reloader: to("reload", watching),

    max_requests_jitter: needless("a tenth of `pythonMaxRequests`, always"),
    websocket_ping_interval: needless(
      "clients that are gone are noticed, always",
    ),
    max_app_queue_size: needless(
      "what waits for the application is bounded, always",
    ),
    "h2_max_*, include_date_header, include_server_header, ssl_handshake_timeout":
      needless("nothing to set"),

    alpn_protocols: missing("`http2`"),
    "alt_svc_headers, h11_pass_raw_headers, server_names, verify_flags":
      missing("the server in front"),
    config: missing("its file: -c FILE.toml, or -c file:FILE.py"),
    debug: missing("`logLevel`"),
    "keep_alive_timeout, keep_alive_max_requests, read_timeout": missing(
      "`idleTimeoutMs` of a Loop",
    ),
    "logconfig, logconfig_dict, logger_class": missing(
      "`logFormat`, `accessLog`, `errorLog`",
    ),
    quic_bind: missing("HTTP/1.1 and HTTP/2 (`http2`); the server in front"),
    root_path: missing(
      "`mount` in place of `app`: /prefix=python:app:app, for requests that have the prefix",
    ),
    shutdown_timeout: missing("`drainTimeout`, within which lifespan ends"),
    "statsd_*, dogstatsd_tags": missing(
      "`stats`, which Prometheus reads at /metrics",
    ),
    websocket_max_message_size: missing("a message has 16 MiB at most, always"),
    wsgi_max_body_size: missing("`maxBody`"),
  },
  defaults,
};

/** `asgi:` or `wsgi:` may stand before its name. */
function applicationPath(value: unknown): ConfigFileSettings {
  const [, kind, name] = /^(?:(asgi|wsgi):(?=.+:))?(.+)$/.exec(text(value))!;
  return {
    app: application(name),
    ...(kind !== undefined && { pythonInterface: kind as "asgi" }),
  };
}

const FD = /^fd:\/\/(\d+)$/;

/** `host:port`, `host`, `unix:/path`, `fd://3`; one or a list. */
function binds(value: unknown): ConfigFileSettings {
  const all = [value].flat().map(text);
  const fds = all.flatMap((one) => FD.exec(one)?.[1] ?? []);
  const others = all.filter((one) => !FD.test(one));
  if (fds.length > 1 || (fds.length > 0 && others.length > 0))
    throw new TranslationError("one `fd`, and it is in place of `http`");
  return fds.length > 0
    ? { fd: Number(fds[0]) }
    : { http: others.map((one) => address(withPort(one))) };
}

/** Without one it is 8000. */
const withPort = (bind: string): string =>
  /:/.test(bind) ? bind : `${bind}:8000`;

const MODES = ["CERT_NONE", "CERT_OPTIONAL", "CERT_REQUIRED"];

/** By number, or by the name that Python's `ssl` has. */
function verifyMode(value: unknown): ConfigFileSettings["tlsVerifyClient"] {
  const at = MODES.indexOf(text(value));
  return certificates(at < 0 ? value : at);
}
