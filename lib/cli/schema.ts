/**
 * Every setting of the command: its kind, its default, its meaning. Flags, variables, config files, `--help`,
 * docs/settings.md and the checks all come from this table.
 */
import { PLAIN_PATH } from "../common/checked-options.ts";
import { ENGINE_CHOICES } from "../engine/listen-options.ts";
import { engineHeaderBytes, MAX_HEADERS } from "../engine/header-limit.ts";
import { isTrustEntry } from "../request/proxies.ts";
import {
  address,
  brokerUrl,
  httpAddresses,
  choice,
  count,
  countOrAuto,
  descriptor,
  duration,
  fileOrNone,
  list,
  onOff,
  PATH,
  requirements,
  secret,
  share,
  size,
  sizeUpTo,
  text,
  textThat,
  timeLimit,
} from "./kinds.ts";
import { group, setting, type Setting } from "./setting.ts";
import { PYTHON_SETTINGS } from "./python-settings.ts";
import { TLS_SETTINGS } from "./tls-settings.ts";
import { PREFIXED } from "./prefixed.ts";

const LOG_FORMATS = ["auto", "json", "pretty", "combined"];

export const SCHEMA = {
  ...group("Application", {
    app: setting(
      text("APP", "a file, and the name of an export behind a colon"),
      "",
      "./app.ts:api",
      "The application at `/`: a file, and the export to take when it is neither `default` nor `app`. " +
        "`wsgi:` in front of it for a WSGI-style one; " +
        "`python:app:app` for one of Python. " +
        "Also the argument without a flag.",
    ),
    mount: setting(
      list("PREFIX=APP", "a prefix and an application, such as /old=./old.js"),
      [],
      "/old=wsgi:./old.js:app",
      "An application at a prefix. Repeat it for more.",
    ),
    static: setting(
      list(
        "PREFIX=FOLDER",
        "a prefix and a folder, such as /assets=./public",
        (entry) => PREFIXED.test(entry),
      ),
      [],
      "/assets=./public",
      "Serve the files of a folder at a prefix, as `files()` does. Repeat it for more.",
    ),
    takeListen: setting(
      onOff,
      false,
      "true",
      "The program listens by itself, with `app.listen(3000)` of Express, Koa, Fastify or NestJS, or a server of `node:http`: " +
        "the command serves in its place, there or where `http` says.",
    ),
    needApp: setting(
      onOff,
      true,
      "false",
      "End with code 3 when an application does not load. " +
        "Without it the command starts, and its place is answered 404.",
    ),
    lightResponse: setting(
      onOff,
      true,
      "false",
      "A lighter `Response` in place of the global one, for applications that speak fetch (Hono, …). " +
        "Each worker that has one says so.",
    ),
    chdir: setting(
      text("FOLDER", "a folder"),
      "",
      "/srv/app",
      "The working directory, from which all paths but that of `config` are read.",
    ),
    settings: setting(
      requirements,
      {},
      "",
      "Variables that the application needs: `{ DATABASE_URL: { required: true } }`. " +
        "Those that are missing are named at the start, all at once.",
      { fileOnly: true },
    ),
    secretKey: setting(
      secret(16),
      "",
      "correct-horse-battery-staple",
      "What `secretKey()` of eddy/config returns. " +
        "Without it, one is made at each start in development, and it is an error in production. " +
        "All users of the machine see flags in the list of processes: give it by variable or file.",
    ),
  }),
  ...group("Listening", {
    http: setting(
      httpAddresses,
      ["127.0.0.1:8000"],
      ":9000",
      "Where to listen: `[host]:port`, or `unix:` and a path. " +
        "Without a host on all addresses of the machine: by default nobody else reaches it. " +
        "The variable `PORT` stands for `:PORT` where nothing else is said. " +
        "Port 0 takes any free one. " +
        "With `=node` or `=uws` behind it, that `engine` speaks there. Repeat it for more addresses. " +
        "`none`: only where `uwsgi` says.",
    ),
    fd: setting(
      descriptor,
      "none",
      "3",
      "Listen on a socket that the command has inherited, by its number, in place of `http`. The engine is `node` then. " +
        "Those of systemd (`LISTEN_FDS`) are taken without it where neither is given.",
    ),
    uwsgi: setting(
      address(
        'an address such as "127.0.0.1:3031" or "unix:/run/app.sock"',
        "",
      ),
      "",
      "127.0.0.1:3031",
      "Where to listen, too, for front servers that speak uwsgi, as nginx does with `uwsgi_pass`: " +
        "the supervisor accepts there, and gives the connections to the workers in turn. " +
        "Whoever can connect is believed: keep it on this machine.",
    ),
    engine: setting(
      choice(...ENGINE_CHOICES),
      "auto",
      "node",
      "What speaks HTTP: uWebSockets.js (`uws`), Node's own (`node`), or the first that loads (`auto`). " +
        "`node` serves HTTP/1.0, too, and pipelined requests.",
    ),
    http2: setting(
      onOff,
      false,
      "true",
      "Speak HTTP/2, too, to clients that ask for it by TLS, or begin with it. The engine is `node` then.",
    ),
    trustProxy: setting(
      list(
        "PEER",
        'addresses, ranges such as 10.0.0.0/8, "loopback", "private" or "unix"',
        isTrustEntry,
      ),
      [],
      "loopback",
      "Peers that are believed when they say who asks: addresses, ranges, `loopback`, `private`, `unix`. " +
        "Repeat it for more.",
    ),
    proxyHeader: setting(
      choice("x-forwarded", "forwarded", "proxy-v2"),
      "x-forwarded",
      "forwarded",
      "How they say it.",
    ),
    healthCheck: setting(
      textThat(
        "PATH",
        PLAIN_PATH[1],
        (given) => given === "" || PLAIN_PATH[0](given),
      ),
      "",
      "/healthz",
      "A path that is answered 200, and 503 as soon as the worker is to end.",
    ),
  }),
  ...TLS_SETTINGS,
  ...group("Limits", {
    maxBody: setting(
      size,
      1024 ** 2,
      "2MiB",
      "A larger request body is refused with 413.",
    ),
    maxHeaders: setting(
      sizeUpTo(
        engineHeaderBytes(),
        'a size up to "16KiB", or to that of the variable `UWS_HTTP_MAX_HEADERS_SIZE`',
      ),
      MAX_HEADERS.bytes,
      "8KiB",
      "Request headers that are larger are refused with 431.",
    ),
    bodyTimeout: setting(
      timeLimit,
      60_000,
      "2m",
      "How long a handler may wait for a request body, in all. 0 is `none`.",
    ),
    requestTimeout: setting(
      timeLimit,
      Infinity,
      "30s",
      "How long a request may take before it is halted: 503. 0 is `none`.",
    ),
    maxConcurrent: setting(
      count(1),
      10_000,
      "500",
      "Requests that may run at a time in a worker; further ones are answered 503.",
    ),
    maxConnectionsPerClient: setting(
      count(1),
      Infinity,
      "100",
      "Connections of one address, and requests that may run for it at a time in a worker; further ones are closed, and answered 429. Behind trustProxy, of whom the proxy names.",
    ),
  }),
  ...group("Workers", {
    workers: setting(
      countOrAuto,
      1,
      "4",
      "Processes that share the port. `auto`: as many as the machine has cores. " +
        "0: none, and no supervisor; the command's own process serves.",
    ),
    startTimeout: setting(
      timeLimit,
      60_000,
      "5m",
      "How long an application may take to load, in a worker or a process of Python, " +
        "and once more for what its `open()` does, before it counts as one that does not. " +
        "0 is `none`.",
    ),
    workerTimeout: setting(
      timeLimit,
      30_000,
      "10s",
      "A worker whose event loop has not turned for so long is ended, and the log says what held it. " +
        "So is one that reports nothing to the supervisor. 0 is `none`.",
    ),
    topics: setting(
      brokerUrl,
      "",
      "nats://127.0.0.1:4222",
      "A broker through which what sockets have subscribed to reaches other machines: `nats://`, `tls://`, `redis://` or `rediss://`. " +
        "Without one it reaches the workers of this command, through the supervisor. " +
        "It may have a password in it: give it by variable or file.",
    ),
    maxRequests: setting(
      count(0),
      0,
      "10000",
      "Requests after which a worker is replaced; up to a tenth are taken off, by chance, " +
        "so that not all are at once. " +
        "0: never.",
    ),
    maxRss: setting(
      size,
      Infinity,
      "512MiB",
      "Memory with which a worker is replaced.",
    ),
    drainTimeout: setting(
      duration,
      30_000,
      "1m",
      "How long running requests may take after a signal to end, before they are halted.",
    ),
    readinessDelay: setting(
      duration,
      0,
      "5s",
      "How long `healthCheck` says 503 before a worker that ends stops listening.",
    ),
    linger: setting(
      duration,
      10_000,
      "2s",
      "How long a worker that is replaced leaves open connections for one more request, " +
        "which is answered with `connection: close`. " +
        "A second at most when the whole command ends.",
    ),
  }),
  ...PYTHON_SETTINGS,
  ...group("Process", {
    pid: setting(
      text("FILE", PATH),
      "",
      "/run/eddy.pid",
      "Write the supervisor's process id there, and keep that file open. " +
        "`eddy reload` reads it, and signals only a process that has it open.",
    ),
    user: setting(
      text("NAME", "a user"),
      "",
      "www-data",
      "Run the workers as this user. Log files, and the Unix socket of `uwsgi`, are given to it.",
    ),
    group: setting(
      text("NAME", "a group"),
      "",
      "www-data",
      "Run the workers as this group; that of the user if there is one.",
    ),
    umask: setting(
      textThat("MASK", 'an octal number as text, such as "027"', (given) =>
        /^[0-7]{1,4}$/.test(given),
      ),
      "",
      "027",
      "The file mode mask.",
    ),
  }),
  ...group("Logging", {
    logLevel: setting(
      choice("trace", "debug", "info", "warn", "error", "fatal", "silent"),
      "info",
      "warn",
      "The least level that is written.",
    ),
    logFormat: setting(
      textThat(
        "FORMAT",
        "auto, json, pretty, combined or text with directives such as %h",
        (given) => LOG_FORMATS.includes(given) || /%[^%]/.test(given),
      ),
      "auto",
      "json",
      "`json`; " +
        "`pretty` for people; " +
        "`combined` or a format string as Apache (`%h %r %>s`) and Gunicorn (`%(h)s`) have it, for the access log. " +
        "`auto`: pretty on a terminal, JSON otherwise.",
    ),
    accessLog: setting(
      fileOrNone,
      "none",
      "-",
      "A line for each request: to a file, or to standard output (`-`). `no`, `off` and `false` are `none`, too. " +
        "On a terminal it is `-` where nobody says more, unless `NODE_ENV` is `production`.",
    ),
    errorLog: setting(
      text("FILE", "a path or -"),
      "-",
      "/var/log/eddy.log",
      "Everything else that is logged.",
    ),
    redact: setting(
      list("NAME", "names of header fields and properties"),
      [],
      "x-api-key",
      "Further names whose values no log shows, beside `authorization`, `cookie`, `proxy-authorization` and `set-cookie`. " +
        "Repeat it for more.",
    ),
    requestId: setting(
      choice("accept", "generate", "echo"),
      "accept",
      "echo",
      "The id of a request in its lines. " +
        "`accept`: the client's `x-request-id` if it makes sense, or else one that is made; " +
        "`generate`: always made; " +
        "`echo`: as `accept`, and the reply carries it.",
    ),
  }),
  ...group("Development", {
    reload: setting(
      onOff,
      false,
      "true",
      "Watch what the application imported, and reload when it changes.",
    ),
  }),
  ...group("Status", {
    stats: setting(
      address(
        'an address such as "127.0.0.1:1717" or "unix:/run/eddy-stats.sock"',
        "",
      ),
      "",
      "127.0.0.1:1717",
      "Where supervisor and workers tell how they are: a page for browsers, JSON, `/metrics`, `/tasks`. " +
        "It takes orders, too: keep it on this machine, or give it `statsPassword`.",
    ),
    statsPassword: setting(
      secret(8),
      "",
      "correct-horse",
      "What `stats` asks for, as the password of the user `eddy`, and what `eddy top` and `eddy profile` then give. " +
        "All users of the machine see flags in the list of processes: give it by variable or file.",
    ),
    statsHosts: setting(
      list("NAME", "names of hosts", (name) => /^[\w.-]+$/.test(name)),
      [],
      "app.internal",
      "Names by which `stats` and `metrics` may be asked, beside addresses, `localhost` and the host in those settings. " +
        "Others are refused: a web page can make its own name lead here.",
    ),
    metrics: setting(
      address(
        'an address such as "10.0.0.5:9100" or "unix:/run/eddy-metrics.sock"',
        "",
      ),
      "",
      "10.0.0.5:9100",
      "Where there is `/metrics` alone, for Prometheus on another machine.",
    ),
  }),
  ...group("Traces", {
    traces: setting(
      share,
      0,
      "0.01",
      "The share of requests that begin a trace of OpenTelemetry, with the SDK that the application, or `NODE_OPTIONS=--import`, registers. " +
        "A request that belongs to a trace already has what that says. " +
        "Needs the package `@opentelemetry/api`.",
    ),
  }),
  ...group("Settings", {
    config: setting(
      text("FILE", PATH),
      "",
      "deploy/eddy.yaml",
      "The config file to read, in place of those in `/etc/eddy` and the working directory.",
      { notInFiles: true },
    ),
    strict: setting(
      onOff,
      true,
      "false",
      "An unknown key of a config file is an error. An unknown variable is a warning.",
    ),
  }),
} satisfies Record<string, Setting<unknown>>;

export type Key = keyof typeof SCHEMA;

export type Settings = {
  [K in Key]: (typeof SCHEMA)[K] extends { readonly default: infer T }
    ? T
    : never;
};

export const KEYS = Object.keys(SCHEMA) as Key[];

/** By a key of any setting. */
export const settingOf = (key: Key): Setting<unknown> =>
  SCHEMA[key] as Setting<unknown> as Setting<unknown>;

/** `maxBody` → `max-body` */
const dashed = (key: string): string =>
  key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export const flagOf = (key: Key): string => `--${dashed(key)}`;

/** `maxBody` → `EDDY_MAX_BODY` */
export const variableOf = (key: Key): string =>
  `EDDY_${dashed(key).replaceAll("-", "_").toUpperCase()}`;
