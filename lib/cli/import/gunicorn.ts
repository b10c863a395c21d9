/** Gunicorn's settings, by ours that they become. */
import type { ConfigFileSettings } from "../define-config.ts";
import { compileFormat } from "../../exchange/access-log.ts";
import {
  TranslationError,
  missing,
  needless,
  to,
  type ReportLoss,
  type TranslationRules,
  type TranslationTable,
} from "./rules.ts";
import {
  addresses,
  application,
  headerBytes,
  level,
  seconds,
  several,
  text,
  variables,
  whole,
  yes,
} from "./values.ts";

const RULES: TranslationRules = {
  bind: to("http", addresses),
  wsgi_app: to("app", application),
  workers: to("pythonProcesses", whole),
  threads: to("pythonThreads", whole),
  worker_class: {
    becomes: ["pythonThreads"],
    remark:
      "`sync` and `gthread`; instead of greenlets more `pythonThreads`, or async handlers in TypeScript",
    read: workerClass,
  },
  preload_app: to("pythonLazyApps", (value) => !yes(value)),
  timeout: to("pythonHarakiri", seconds, "a slow client does not count"),
  graceful_timeout: to("drainTimeout", seconds),
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
  raw_env: to("settings", variables, "unless the variable is set already"),
  pidfile: to("pid", text),
  user: to("user", text),
  group: to("group", text),
  umask: to("umask", (value) => whole(value).toString(8).padStart(3, "0")),
  accesslog: to("accessLog", text),
  access_log_format: to("logFormat", format),
  errorlog: to("errorLog", text, "`-` is standard output"),
  loglevel: to("logLevel", level),
  certfile: to("tlsCert", text),
  keyfile: to("tlsKey", text),
  "forwarded_allow_ips, proxy_allow_ips": to("trustProxy", trusted),
  proxy_protocol: to("proxyHeader", proxyProtocol, "version 2 only"),

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
  "reload, reload_engine, reload_extra_files": missing(
    "`eddy reload`, or SIGHUP, when Python's files have changed",
  ),
  daemon: missing("systemd keeps it, with samples/deploy/eddy.service"),
  "logger_class, logconfig, logconfig_dict, logconfig_json": missing(
    "`logFormat`, `accessLog`, `errorLog`",
  ),
  "syslog*": missing("standard output, which systemd gives to the journal"),
  "statsd_*, dogstatsd_tags": missing(
    "`stats`, which Prometheus reads at /metrics",
  ),
  secure_scheme_headers: missing("`trustProxy` with `proxyHeader`"),
  "ca_certs, cert_reqs, ciphers, ssl_context": missing(
    "the server in front speaks TLS",
  ),
  "paste, raw_paste_global_conf": missing(
    "a module that makes the application from the file",
  ),
  protocol: missing("`uwsgi`, in place of `http`, for the address of `bind`"),
  "on_starting, on_reload, when_ready, pre_fork, post_fork, post_worker_init, worker_int, worker_abort, pre_exec, pre_request, post_request, child_exit, worker_exit, nworkers_changed, on_exit":
    missing(
      "the application's module, which each process imports; `atexit` for the end",
    ),
};

/** `gthread` is what we have, with one thread or more. */
function workerClass(value: unknown): ConfigFileSettings {
  if (["sync", "gthread"].includes(text(value))) return {};
  throw new TranslationError(
    `${text(value)} has no counterpart: more pythonThreads for what waits, or async handlers in TypeScript`,
  );
}

function format(value: unknown): string {
  try {
    compileFormat(text(value));
  } catch (error) {
    throw new TranslationError(`logFormat: ${(error as Error).message}`);
  }
  return text(value);
}

function trusted(value: unknown, lose: ReportLoss): string[] {
  const peers = several(value);
  if (peers.includes("*"))
    lose("whoever can connect would be believed: name the proxies instead");
  return peers.filter((peer) => peer !== "*");
}

function proxyProtocol(value: unknown): ConfigFileSettings["proxyHeader"] {
  return yes(value) ? "proxy-v2" : undefined;
}

export const GUNICORN: TranslationTable = {
  server: "Gunicorn",
  rules: RULES,
  defaults: () => ({ http: "127.0.0.1:8000", maxBody: "none" }),
};
