/** uWSGI's options, by the settings that they become. */
import type { ConfigFileSettings } from "../define-config.ts";
import { PREFIXED } from "../prefixed.ts";
import {
  TranslationError,
  missing,
  needless,
  to,
  type TranslationRules,
  type TranslationTable,
} from "./rules.ts";
import {
  address,
  addresses,
  application,
  applicationFile,
  bytes,
  headerBytes,
  seconds,
  text,
  variables,
  whole,
  yes,
} from "./values.ts";

const RULES: TranslationRules = {
  "http, http-socket, http11-socket": to("http", addresses),
  "socket, uwsgi-socket": to("uwsgi", address),
  "https, https-socket": {
    becomes: [
      "http",
      "tlsCert",
      "tlsKey",
      "tlsCiphers",
      "tlsCa",
      "tlsVerifyClient",
    ],
    read: secureAddress,
  },
  "module, wsgi": to("app", application),
  "wsgi-file, file": {
    becomes: ["app", "pythonPath"],
    remark: "the file as a module, and its folder",
    read: applicationFile,
  },
  callable: missing(
    "it belongs to `module` or `wsgi-file`: a name behind the colon of `app`",
  ),
  mount: {
    becomes: ["mount"],
    remark: "SCRIPT_NAME is set",
    read: mount,
  },
  "need-app": to("needApp", yes),
  chdir: to("chdir", text),
  "virtualenv, venv, home, pyhome": to("pythonVenv", text),
  "pythonpath, python-path, pp": to("pythonPath", (value) => [text(value)]),
  env: to("settings", variables, "unless the variable is set already"),
  "processes, workers": to("pythonProcesses", whole),
  threads: to("pythonThreads", whole),
  "lazy-apps, lazy": to("pythonLazyApps", yes),
  harakiri: to(
    "pythonHarakiri",
    seconds,
    "since it was last heard of, not since it began",
  ),
  "max-requests": to("pythonMaxRequests", whole),
  listen: to("pythonQueue", whole),
  "buffer-size": to("maxHeaders", headerBytes),
  "limit-post": to("maxBody", bytes),
  "reload-mercy, worker-reload-mercy": to("drainTimeout", seconds),
  "py-autoreload, py-auto-reload, python-autoreload": to(
    "reload",
    (value) => yes(value) || undefined,
  ),
  uid: to("user", text),
  gid: to("group", text),
  umask: to("umask", text),
  "pidfile, pidfile2, safe-pidfile, safe-pidfile2": to("pid", text),
  "logto, logto2, logger": to(
    "errorLog",
    logFile,
    "access lines have a file of their own: `accessLog`",
  ),
  "req-logger, logger-req": to("accessLog", logFile),
  "disable-logging": to("accessLog", (value) => (yes(value) ? "none" : "-")),
  stats: to("stats", address),

  "set, set-ph, set-placeholder": needless("a name for other lines"),
  master: needless("there is always a supervisor"),
  "vacuum, die-on-term, no-orphans, close-on-exec*, exit-on-reload":
    needless("always so"),
  "enable-threads, single-interpreter, thunder-lock, no-threads-wait": needless(
    "always so, in effect",
  ),
  "harakiri-verbose, py-tracebacker": needless(
    "always so: a traceback of every thread is in the log",
  ),
  "max-requests-delta": needless("a tenth of `pythonMaxRequests`, always"),
  "manage-script-name": needless("always so"),
  "post-buffering*, body-read-warning": needless(
    "a request gets a thread when its body is here",
  ),
  "plugin*, need-plugin*, autoload, strict, procname*, auto-procname":
    needless("nothing to set"),
  "ignore-sigpipe, ignore-write-errors, disable-write-exception, write-errors-*":
    needless("a client that leaves is not an error"),
  "log-date, logdate, log-micros, log-master, log-4xx, log-5xx, log-slow, log-x-forwarded-for, log-reopen, logfile-*":
    needless(
      "access lines have the time, the status and the duration; USR1 opens the files anew",
    ),
  "memory-report, stats-http, stats-min*, stats-no-*": needless(
    "`stats` is JSON by HTTP",
  ),
  "reuse-port, so-keepalive, tcp-nodelay, cpu-affinity, thread-stacksize":
    needless("left to the system"),
  "http-keepalive, http-auto-chunked, http-chunked-input, http-processes":
    needless("HTTP/1.1 as it should be"),

  "cheap, cheaper*, idle, die-on-idle": missing(
    "the number of processes is fixed: `pythonProcesses`",
  ),
  "gevent*, async, ugreen, greenlet, asyncio, loop": missing(
    "more `pythonThreads`, or async handlers in TypeScript",
  ),
  "daemonize, daemonize2": missing(
    "systemd keeps it, with samples/deploy/eddy.service; `errorLog` names a file",
  ),
  "chmod-socket, chown-socket": missing(
    "`umask`, or a folder with the permissions for the socket",
  ),
  "log-format, logformat, log-*": missing(
    "`logFormat`, in Apache's or Gunicorn's way",
  ),
  "http-timeout, socket-timeout, http-connect-timeout": missing(
    "`requestTimeout`, `bodyTimeout`; idle connections: `idleTimeoutMs` of a Loop",
  ),
  "reload-on-rss, evil-reload-on-rss, reload-on-as, evil-reload-on-as, limit-as":
    missing("`pythonMaxRequests`, or a limit of systemd's (MemoryMax)"),
  "max-worker-lifetime*, min-worker-lifetime": missing("`pythonMaxRequests`"),
  "touch-*, fs-reload, chain-reload": missing(
    "`eddy reload`, or SIGHUP: always one process after the other",
  ),
  "master-fifo": missing("signals and `eddy reload`"),
  "static-map": to(
    "static",
    folder,
    "what is not there is 404, and not the application's",
  ),
  "static-index": missing(
    "`static` takes index.html; another name: `files(folder, { index })` in a module",
  ),
  "static-expires*, static-gzip*": missing(
    "`files(folder, { maxAge, precompressed })` in a module",
  ),
  "check-static*, static-map2, static-safe, static-skip-ext": missing(
    "`static` at a prefix that has nothing but files",
  ),
  "offload-threads": needless("files are sent by the loop, in pieces"),
  "static-*, mimefile": missing(
    "`files()` in a module, or the server in front",
  ),
  "route*, final-route*, error-route*, response-route*, add-header, rem-header, error-page-*":
    missing("the server in front, or a handler of your own"),
  "cache*, queue*, sharedarea*, rpc*": missing(
    "a program of its own, such as Redis",
  ),
  "spooler*, mule*, farm*, cron*, unique-cron, timer, rbtimer, signal*":
    missing("a program of its own, or a background task of the loop"),
  "attach-*, smart-attach-*, worker-exec*, exec-*, hook-*, call-*": missing(
    "a unit of systemd of its own (ExecStartPre, Requires)",
  ),
  "emperor*, vassal*, zerg*, legion*, subscribe*": missing(
    "one eddy for each site, started by systemd",
  ),
  "fastcgi-*, scgi-*, suwsgi-socket, puwsgi-socket, raw-socket, protocol, shared-socket, udp":
    missing("`http` or `uwsgi`"),
  "enable-proxy-protocol, http-enable-proxy-protocol": missing(
    "`proxyHeader: proxy-v2` with `trustProxy`, if the proxy can speak version 2",
  ),
  "websocket*, http-websockets, http-raw-body": missing(
    "`loop.websocket()`; `http()` hands WebSockets on to a server behind it",
  ),
  "import, shared-import, python-import, pyimport, pyrun, python-worker-override":
    missing("an import in the application's module"),
  "pyargv, paste, ini-paste, paste-logger, wsgi-env-behaviour, catch-exceptions, reload-on-exception*":
    missing("the application's own code"),
  "ini, yaml, json, xml, include, inherit, fallback-config, envdir, early-envdir":
    missing("another file: import it, too"),
  "chroot, cap, unshare, setns*, namespace*, cgroup*, prio, limit-nproc, max-fd":
    missing("systemd has it"),
};

/** `address,certificate,key,ciphers,authorities`, the last with a `!` where clients have to show a certificate. */
function secureAddress(value: unknown): ConfigFileSettings {
  const [at, tlsCert, tlsKey, tlsCiphers, ca] = text(value).split(",");
  if (!tlsCert || !tlsKey)
    throw new TranslationError("it takes an address, a certificate and a key");
  return {
    http: address(at), // not beside others: all would speak TLS
    tlsCert,
    tlsKey,
    ...(tlsCiphers && { tlsCiphers }),
    ...(ca && {
      tlsCa: ca.replace(/^!/, ""),
      tlsVerifyClient: ca.startsWith("!") ? "require" : "optional",
    }),
  };
}

/** `/prefix=module:name`, or a file. */
function mount(value: unknown): ConfigFileSettings {
  const [, prefix, named = ""] = PREFIXED.exec(text(value)) ?? [];
  if (prefix === undefined)
    throw new TranslationError(
      "only a path can be a prefix, and the application stands behind =",
    );
  const { app, ...rest } =
    named.includes("/") || /\.py(:|$)/.test(named)
      ? applicationFile(named)
      : { app: application(named) };
  return { mount: [`${prefix}=${app}`], ...rest };
}

/** `/prefix=folder`. */
function folder(value: unknown): string[] {
  if (!PREFIXED.test(text(value)))
    throw new TranslationError("it takes a prefix and a folder");
  return [text(value)];
}

function logFile(value: unknown): string {
  const path = /^(?:(?:\S+ )?file:)?([^:]+)$/.exec(text(value))?.[1];
  if (path === undefined)
    throw new TranslationError(
      "only files are written; others read standard output",
    );
  return path === "stdio" ? "-" : path;
}

export const UWSGI: TranslationTable = {
  server: "uWSGI",
  rules: RULES,
  defaults: (given) => ({
    ...(given.uwsgi !== undefined && { http: "none" }),
    maxBody: "none",
    pythonLazyApps: false,
    pythonHarakiri: "none",
    accessLog: given.errorLog ?? "-", // requests and all the rest are in one place
  }),
};
