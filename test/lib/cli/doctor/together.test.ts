/** What `eddy doctor` reads together, and follows, and what is right beside it: nginx, HAProxy and systemd. */
import type { Code } from "../../../../lib/cli/doctor/finding.ts";
import { tests, type Case } from "./cases.ts";

const FIELDS = `proxy_http_version 1.1; proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $host;`;
const FOR = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";

const nginx = (
  location: string,
  {
    around = "",
    pass = "http://127.0.0.1:8000",
  }: { around?: string; pass?: string } = {},
): string =>
  `${around}\nserver { listen 80; location / { ${FIELDS}\n ${location} proxy_pass ${pass}; } }\n`;

const UPSTREAM = "upstream app { server 127.0.0.1:8000; keepalive 8; }";
const KEPT = 'proxy_set_header Connection "";';
const OURS = "app.ts --http 127.0.0.1:8000 --trust-proxy loopback";

describe("eddy doctor, of nginx", () => {
  const forwarded = (around: string, location = ""): Case => ({
    files: {
      "site.conf": nginx(
        `${location} proxy_set_header X-Forwarded-For $client;`,
        { around },
      ),
    },
  });
  const wrong: Code[] = ["front-forwarded-for"];
  tests({
    "a variable that is set to what the client says": {
      ...forwarded("", "set $client $http_x_forwarded_for;"),
      finds: wrong,
    },
    "one that is set so behind an if": {
      ...forwarded(
        "",
        'set $client $remote_addr; if ($http_x_forwarded_for != "") { set $client "$http_x_forwarded_for"; }',
      ),
      finds: wrong,
    },
    "a map of a map": {
      ...forwarded(
        "map $http_x_forwarded_for $first { default $http_x_forwarded_for; } map $first $client { '' $remote_addr; default $first; }",
      ),
      finds: wrong,
    },
    "an expression that takes a part of it": {
      ...forwarded(
        'map $http_x_forwarded_for $client { "~^(?P<first>[^,]+)" $first; default $remote_addr; }',
      ),
      finds: wrong,
    },
    "the client's word with the address behind it": forwarded(
      'map $http_x_forwarded_for $client { "" $remote_addr; default "$http_x_forwarded_for, $remote_addr"; }',
    ),
    "the word of those alone whose address is trusted": forwarded(
      "geo $proxied { default 0; 10.0.0.0/8 1; } map $proxied $client { 1 $http_x_forwarded_for; default $remote_addr; }",
    ),
    "a map by addresses": forwarded(
      "map $realip_remote_addr $client { ~^10\\. $http_x_forwarded_for; default $remote_addr; }",
    ),
    "an upstream that keeps connections, and fields that end each without an upgrade":
      {
        files: {
          "site.conf": nginx(
            `${FOR} proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection;`,
            {
              around: `map $http_upgrade $connection { default upgrade; '' close; } ${UPSTREAM}`,
              pass: "http://app",
            },
          ),
        },
        finds: ["front-keep-alive"],
      },
    "fields that end it for some requests alone": {
      files: {
        "site.conf": nginx(`${FOR} proxy_set_header Connection $connection;`, {
          around: `map $http_x_last $connection { default close; '' ''; } ${UPSTREAM.replace("keepalive 8;", "keepalive 8; keepalive_timeout 20s;")}`,
          pass: "http://app",
        }),
      },
    },
    "an upstream that does not keep them": {
      files: {
        "site.conf": nginx(`${FOR}`, {
          around: UPSTREAM.replace("keepalive 8;", ""),
          pass: "http://app",
        }),
      },
    },
    "connections that are kept for nginx's 60 s": {
      files: {
        "site.conf": nginx(`${FOR} ${KEPT}`, {
          around: `keepalive_timeout 15s; ${UPSTREAM}`,
          pass: "http://app",
        }),
      },
      finds: ["front-idle-time"],
    },
    "two locations that lead to the same upstream": {
      files: {
        "site.conf": `${UPSTREAM} server { listen 80; ${FIELDS} ${FOR} ${KEPT} location /a { proxy_pass http://app; } location /b { proxy_pass http://app; } }`,
      },
      finds: ["front-idle-time"],
    },
    "an upstream in a file of its own": {
      files: {
        "upstreams/app.conf": UPSTREAM.replace(
          "keepalive 8;",
          "keepalive 8; keepalive_timeout 20s;",
        ),
        "sites-enabled/site": nginx(`${FOR} ${KEPT}`, { pass: "http://app" }),
      },
      flags: OURS,
    },
    "a site beside nginx.conf, whose include leads elsewhere": {
      files: {
        "nginx.conf":
          "events {} http { proxy_http_version 1.1; include /none/sites-enabled/*; }",
        site: nginx(FOR).replace("proxy_http_version 1.1;", ""),
      },
    },
    "a site that nginx.conf includes, given once more": {
      files: {
        "nginx.conf": "events {} http { include sites-enabled/*; }",
        "sites-enabled/site": nginx(""),
      },
      finds: wrong,
    },
    "a part that a site includes, given once more": {
      files: {
        "site.conf": nginx(`${FOR} include part.conf;`),
        "part.conf": "location /more { proxy_pass http://127.0.0.1:8000; }",
      },
    },
    "a folder, with a site that is not enabled": {
      files: {
        "etc/nginx.conf": "events {} http { include sites-enabled/*; }",
        "etc/sites-enabled/site": nginx(""),
        "etc/sites-available/other": nginx("").replace("1.1", "1.0"),
      },
      given: ["etc"],
      finds: wrong,
    },
    "snippets of a site, by the folder of nginx.conf": {
      files: {
        "nginx.conf": "events {} http { include conf.d/eu/*.conf; }",
        "conf.d/eu/site.conf": nginx("include snippets/for.conf;"),
        "snippets/for.conf":
          "proxy_set_header X-Forwarded-For $http_x_forwarded_for;",
      },
      given: ["nginx.conf"],
      finds: wrong,
    },
    "a server that a variable names": {
      files: {
        "site.conf": nginx(`${FOR} set $backend 127.0.0.1:8000;`, {
          pass: "http://$backend",
        }),
      },
      flags: OURS,
    },
    "a server that only a request names": {
      files: { "site.conf": nginx(FOR, { pass: "http://$http_x_backend" }) },
      flags: OURS,
    },
    "uwsgi parameters that are not inherited": {
      files: {
        "site.conf":
          "server { listen 80; uwsgi_param REQUEST_METHOD $request_method; location / { uwsgi_param UWSGI_SCHEME $scheme; uwsgi_pass 127.0.0.1:3031; } }",
      },
      finds: ["front-inheritance"],
    },
    "fields that are written again": {
      files: {
        "site.conf": `server { listen 80; ${FIELDS} ${FOR} location / { ${FIELDS} ${FOR} proxy_set_header X-Own 1; proxy_pass http://127.0.0.1:8000; } }`,
      },
    },
    "a folder with something else that has braces": {
      files: { "etc/site.conf": nginx(""), "etc/main.tf": "server {\n" },
      given: ["etc"],
      finds: wrong,
    },
    "a folder with a site whose brace is missing": {
      files: { "etc/site.conf": "server {\n" },
      given: ["etc"],
      finds: ["file-syntax"],
    },
    "a brace that is missing in one of two": {
      files: {
        "a.conf": "server {",
        "b.conf": nginx(""),
      },
      finds: ["file-syntax", ...wrong],
    },
  });
});

describe("eddy doctor, of HAProxy", () => {
  const haproxy = (front: string, back = ""): string =>
    `defaults\n  mode http\nfrontend www\n  bind :80\n${front}\n  default_backend app\nbackend app\n${back}\n  server one 127.0.0.1:8000\n`;
  const wrong: Code[] = ["front-forwarded-for"];
  const one = (front: string, back = ""): Case => ({
    files: { "haproxy.cfg": haproxy(front, back) },
  });
  tests({
    "if-none": { ...one("  option forwardfor if-none"), finds: wrong },
    "if-none behind a rule that removes the client's": one(
      "  http-request del-header X-Forwarded-For\n  option forwardfor if-none",
    ),
    "if-none with a network that is left out": {
      ...one("  option forwardfor except 127.0.0.0/8 if-none"),
      finds: wrong,
    },
    "another field than the one eddy reads": {
      ...one("  option forwardfor header X-Client"),
      finds: wrong,
    },
    "what the client says, copied": {
      ...one("  http-request set-header X-Forwarded-For %[req.hdr(X-Real-IP)]"),
      finds: wrong,
    },
    "the address, set": one("  http-request set-header X-Forwarded-For %[src]"),
    "no option in the second of two frontends": {
      files: {
        "haproxy.cfg": `${haproxy("  option forwardfor")}frontend other\n  bind :81\n  default_backend app\n`,
      },
      finds: wrong,
    },
    "servers that a request names": {
      files: {
        "haproxy.cfg": haproxy("  option forwardfor").replace(
          "default_backend app",
          "use_backend %[req.hdr(host),lower]",
        ),
      },
    },
    "the defaults that a section names, and not those above it": {
      files: {
        "haproxy.cfg": `defaults web\n  mode http\n  option forwardfor\n  option http-server-close\ndefaults raw\n  mode tcp\n${haproxy(
          "",
        )
          .replace(/^defaults\n.*\n/, "")
          .replace("frontend www", "frontend www from web")
          .replace("backend app\n", (found) => found)
          .replace(/^backend app$/m, "backend app from web")}`,
      },
      finds: ["front-keep-alive"],
    },
    "a frontend and its servers in two files": {
      files: {
        "a.cfg":
          "defaults\n  mode http\nfrontend www\n  bind :80\n  option forwardfor\n  default_backend app\n",
        "b.cfg":
          "backend app\n  option httpchk\n  server one 127.0.0.1:8000 check\n",
      },
      finds: ["front-http-1.0"],
    },
  });
});

describe("eddy doctor, of units", () => {
  const unit = (lines: string, command = "app.ts --workers 2"): string =>
    `[Unit]\nRequires=\n[Service]\nType=notify\nNotifyAccess=all\nUser=shop\nWorkingDirectory=/srv\nRestart=always\n${lines}\nExecStart=/srv/node_modules/.bin/eddy ${command}\n`;
  const SHORT = "[Service]\nTimeoutStopSec=10\n";
  tests({
    "a drop-in beside the unit that makes a time too short": {
      files: {
        "shop.service": unit("TimeoutStopSec=90"),
        "shop.service.d/stop.conf": SHORT,
      },
      given: ["shop.service"],
      finds: ["grace"],
    },
    "one that makes it long enough": {
      files: {
        "shop.service": unit("TimeoutStopSec=10"),
        "shop.service.d/stop.conf": "[Service]\nTimeoutStopSec=90\n",
      },
      given: ["shop.service"],
    },
    "one that forgets it": {
      files: {
        "shop.service": unit("TimeoutStopSec=10"),
        "shop.service.d/stop.conf": "[Service]\nTimeoutStopSec=\n",
      },
      given: ["shop.service"],
    },
    "the last of two by their names": {
      files: {
        "shop.service": unit(""),
        "shop.service.d/20.conf": "[Service]\nTimeoutStopSec=90\n",
        "shop.service.d/10.conf": SHORT,
      },
    },
    "a drop-in alone, with its unit there": {
      files: {
        "shop.service": unit(""),
        "shop.service.d/stop.conf": SHORT,
      },
      given: ["shop.service.d/stop.conf"],
      finds: ["grace"],
    },
    "a drop-in without its unit": {
      files: { "shop.service.d/stop.conf": SHORT },
      misses: ["stop.conf"],
    },
    "a unit and a drop-in from other folders": {
      files: {
        "lib/shop.service": unit(""),
        "etc/shop.service.d/stop.conf": SHORT,
      },
      finds: ["grace"],
    },
    "an instance with the drop-in of its template": {
      files: {
        "shop@blue.service": unit(""),
        "shop@.service.d/stop.conf": SHORT,
      },
      given: ["shop@blue.service"],
      finds: ["grace"],
    },
    "a drop-in that starts another command": {
      files: {
        "shop.service": unit("", "app.ts --http :80"),
        "shop.service.d/start.conf":
          "[Service]\nExecStart=\nExecStart=/srv/node_modules/.bin/eddy app.ts\n",
      },
      given: ["shop.service"],
    },
    "families in two lines": {
      files: {
        "shop.service": unit(
          "RestrictAddressFamilies=AF_UNIX\nRestrictAddressFamilies=AF_INET",
        ),
      },
    },
    "families without the one that is needed": {
      files: { "shop.service": unit("RestrictAddressFamilies=AF_INET") },
      finds: ["systemd-sandbox"],
    },
    "a variable in quotes, with spaces": {
      files: {
        "shop.service": unit(
          'Environment="NODE_OPTIONS=--a --b" EDDY_DRAIN_TIMEOUT=3m',
        ),
      },
      finds: ["grace"],
    },
    "a file of variables that is not here": {
      files: {
        "shop.service": unit(
          "EnvironmentFile=/none/shop\nAmbientCapabilities=CAP_NET_BIND_SERVICE",
        ),
      },
    },
    "words of a variable that is not here": {
      files: {
        "shop.service": unit("TimeoutStopSec=20", "app.ts $MORE"),
      },
    },
    "a flag's value that is not here": {
      files: {
        "shop.service": unit("", "app.ts --workers $N --drain-timeout 2m"),
      },
      finds: ["grace"],
    },
    "settings in a config file of its machine": {
      files: {
        "shop.service": unit("TimeoutStopSec=20", "--config /none/eddy.yaml"),
      },
    },
    "a socket and its service": {
      files: {
        "shop.socket": "[Socket]\nListenStream=80\n",
        "shop.service": unit(""),
      },
    },
    "a socket alone, with its service there": {
      files: {
        "shop.socket": "[Socket]\nListenStream=80\n",
        "shop.service": unit("").replace("Requires=", "Requires=shop.socket"),
      },
      given: ["shop.socket"],
    },
    "a service of something else": {
      files: { "db.service": "[Service]\nExecStart=/usr/bin/db\n" },
      misses: ["db.service"],
    },
  });
});
