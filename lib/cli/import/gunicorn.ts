/** Gunicorn's settings, by ours that they become. */
import type { ConfigFileSettings } from "../define-config.ts";
import {
  TranslationError,
  missing,
  needless,
  to,
  type ForeignOption,
  type ReportLoss,
  type TranslationRules,
  type TranslationTable,
} from "./rules.ts";
import { PREFIXED } from "../prefixed.ts";
import {
  addresses,
  application,
  certificates,
  format,
  grace,
  headerBytes,
  level,
  seconds,
  several,
  text,
  trusted,
  umask,
  variables,
  watching,
  whole,
  yes,
} from "./values.ts";

const RULES: TranslationRules = {
  bind: to("http", addresses),
  wsgi_app: {
    becomes: ["app", "mount"],
    remark: "below the prefix, if `raw_env` has a `SCRIPT_NAME`",
    read: applicationAt,
  },
  workers: to("pythonProcesses", whole),
  threads: to("pythonThreads", whole),
  worker_class: {
    becomes: ["pythonInterface", "pythonThreads"],
    remark:
      "`sync`, `gthread` and Uvicorn's; instead of greenlets more `pythonThreads`, or async handlers in TypeScript, and instead of their WebSockets `loop.websocket()`",
    read: workerClass,
  },
  preload_app: to("pythonLazyApps", (value) => !yes(value)),
  timeout: to("pythonHarakiri", seconds, "a slow client does not count"),
  graceful_timeout: to("drainTimeout", grace),
  max_requests: to("pythonMaxRequests", whole),
  backlog: to("pythonQueue", whole),
  worker_connections: to("maxConcurrent", whole),
  limit_request_field_size: to(
    "maxHeaders",
    headerBytes,
    "of all fields together",
  ),
  chdir: to("chdir", text),
  pythonpath: to("pythonPath", several),
  raw_env: to("settings", environment, "unless the variable is set already"),
  pidfile: to("pid", text),
  reload: to("reload", watching),
  user: to("user", text),
  group: to("group", text),
  umask: to("umask", umask),
  accesslog: to("accessLog", text),
  access_log_format: to("logFormat", format),
  errorlog: to("errorLog", text, "`-` is standard output"),
  loglevel: to("logLevel", level),
  certfile: to("tlsCert", text),
  keyfile: to("tlsKey", text),
  ca_certs: to("tlsCa", text),
  cert_reqs: to("tlsVerifyClient", certificates),
  ciphers: to("tlsCiphers", text),
  "forwarded_allow_ips, proxy_allow_ips": to("trustProxy", trusted),
  proxy_protocol: to("proxyHeader", proxyProtocol, "version 2 only"),

  reload_engine: needless("what the system tells of files"),
  max_requests_jitter: needless("a tenth of `pythonMaxRequests`, always"),
  capture_output: needless("always so: what the application prints is logged"),
  "reuse_port, sendfile, worker_tmp_dir, tmp_upload_dir, initgroups, proc_name, default_proc_name":
    needless("nothing to set"),
  "spew, check_config, print_config, config": needless(
    "`eddy config` prints every setting",
  ),
  "strip_header_spaces, tolerate_dangerous_framing, permit_*, header_map, casefold_http_method, forwarder_headers":
    needless("what is unclear is refused, always"),
  "do_handshake_on_connect, suppress_ragged_eofs, ssl_version, disable_redirect_access_to_syslog, enable_stdio_inheritance":
    needless("nothing to set"),

  keepalive: missing("`idleTimeoutMs` of a Loop"),
  "limit_request_line, limit_request_fields": missing(
    "`maxHeaders`, for all of the head",
  ),
  reload_extra_files: missing("`eddy reload`, or SIGHUP"),
  daemon: missing("systemd keeps it, with samples/deploy/eddy.service"),
  "logger_class, logconfig, logconfig_dict, logconfig_json": missing(
    "`logFormat`, `accessLog`, `errorLog`",
  ),
  "syslog*": missing("standard output, which systemd gives to the journal"),
  "statsd_*, dogstatsd_tags": missing(
    "`stats`, which Prometheus reads at /metrics",
  ),
  secure_scheme_headers: missing("`trustProxy` with `proxyHeader`"),
  ssl_context: missing("`tlsCiphers` and its neighbours"),
  "paste, raw_paste_global_conf": missing(
    "a module that makes the application from the file",
  ),
  protocol: missing("`uwsgi`, in place of `http`, for the address of `bind`"),
  "on_starting, on_reload, when_ready, pre_fork, post_fork, post_worker_init, worker_int, worker_abort, pre_exec, pre_request, post_request, child_exit, worker_exit, nworkers_changed, on_exit":
    missing(
      "the application's module, which each process imports; `atexit` for the end",
    ),
};

/** Where the file has both, a `SCRIPT_NAME` stands before the application: see `withPrefix`. */
function applicationAt(value: unknown): ConfigFileSettings {
  const [, prefix, name] = PREFIXED.exec(text(value)) ?? [];
  return prefix === undefined
    ? { app: application(value) }
    : { mount: [`${prefix}=${application(name)}`] };
}

const SCRIPT_NAME = /^SCRIPT_NAME=(\/.+)$/;

const linesOf = (value: unknown): string[] => [value].flat().map(text);

function environment(
  value: unknown,
  lose: ReportLoss,
): ConfigFileSettings["settings"] {
  const lines = linesOf(value);
  const prefix = prefixIn(value);
  if (prefix !== undefined)
    lose(
      `${prefix} is the prefix of the application: --mount ${prefix}=python:app:app in place of its name`,
    );
  const rest = lines.filter((line) => !SCRIPT_NAME.test(line));
  return rest.length === 0 ? undefined : variables(rest);
}

const prefixIn = (value: unknown): string | undefined =>
  linesOf(value).flatMap((line) => SCRIPT_NAME.exec(line)?.[1] ?? [])[0];

/** `SCRIPT_NAME=/x` is where the application is mounted, and no variable of it. */
function withPrefix(options: readonly ForeignOption[]): ForeignOption[] {
  const prefix = options
    .filter(({ name, unread }) => name === "raw_env" && unread === undefined)
    .map(({ value }) => prefixIn(value))
    .findLast((one) => one !== undefined);
  const isNamed = options.some(({ name }) => name === "wsgi_app");
  if (prefix === undefined || !isNamed) return [...options];
  return options.map((option) => {
    const { name, value, unread } = option;
    if (unread !== undefined) return option;
    if (name === "wsgi_app")
      return { ...option, value: `${prefix}=${text(value)}` };
    return name === "raw_env"
      ? {
          ...option,
          value: linesOf(value).filter((line) => !SCRIPT_NAME.test(line)),
        }
      : option;
  });
}

/** Of Uvicorn, or of the package `uvicorn-worker` that they have moved to. */
const UVICORN_WORKER = /^uvicorn(\.workers|_worker)\.Uvicorn(H11)?Worker$/;

/** `gthread` is what we have, with one thread or more. */
function workerClass(value: unknown): ConfigFileSettings {
  if (["sync", "gthread"].includes(text(value))) return {};
  if (UVICORN_WORKER.test(text(value))) return { pythonInterface: "asgi" };
  throw new TranslationError(
    `${text(value)} has no counterpart: more pythonThreads for what waits, or async handlers in TypeScript, and loop.websocket() for WebSockets`,
  );
}

function proxyProtocol(value: unknown): ConfigFileSettings["proxyHeader"] {
  return yes(value) ? "proxy-v2" : undefined;
}

export const GUNICORN: TranslationTable = {
  server: "Gunicorn",
  rules: RULES,
  prepare: withPrefix,
  defaults: () => ({ maxBody: "none" }),
};
