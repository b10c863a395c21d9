/** Real programs that stand in front of a server, set up as their manuals say, and whether they take it for well. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { PROGRAM_ENV } from "../support/programs.ts";

const run = promisify(execFile);

/** Its own port, that of the server behind it, and a folder for its files. */
export interface Place {
  readonly front: number;
  readonly back: number;
  readonly folder: string;
}

export interface Front {
  readonly title: string;
  readonly program: string;
  /** What prints its version. */
  readonly version: string;
  readonly configuration: (place: Place) => string;
  /** So that it stays in the foreground; `file` has its configuration. */
  readonly args: (file: string, place: Place) => readonly string[];
  readonly health?: Health;
}

/** Of a front that asks the server for `/check`, again and again. */
interface Health {
  readonly protocol: "HTTP/1.0" | "HTTP/1.1";
  /** Whether the front takes the server for well. */
  readonly isUp: (place: Place) => Promise<boolean>;
}

const haproxy = (protocol: Health["protocol"], check = ""): Front => ({
  title: `HAProxy, option httpchk${check && `, ${check}`}`,
  program: "haproxy",
  version: "-v",
  configuration: ({ front, back, folder }) => `
global
  stats socket ${folder}/stats
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  timeout check 5s
frontend front
  bind 127.0.0.1:${front}
  default_backend back
backend back
  option httpchk GET /check
  ${check}
  server one 127.0.0.1:${back} check inter 50 fall 1 rise 1
`,
  args: (file) => ["-db", "-f", file],
  health: {
    protocol,
    isUp: async ({ folder }) => {
      const path = join(folder, "stats");
      if (!existsSync(path)) return false; // HAProxy listens at its ports before
      const socket = connect(path);
      const state = await text(socket.end("show stat\n"));
      return /^back,one,.*,UP,/m.test(state);
    },
  },
});

const APACHE_MODULES = (
  "mpm_event authz_core slotmem_shm lbmethod_byrequests " +
  "proxy proxy_http proxy_balancer proxy_hcheck"
)
  .split(" ")
  .map((name) => `LoadModule ${name}_module modules/mod_${name}.so`);

const apache = (protocol: Health["protocol"], method: string): Front => ({
  title: `Apache, hcmethod=${method}`,
  program: "apache2",
  version: "-v",
  configuration: ({ front, back, folder }) => `
ServerRoot /usr/lib/apache2
DefaultRuntimeDir ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
ServerName localhost
Listen 127.0.0.1:${front}
${APACHE_MODULES.join("\n")}
${userInfo().uid === 0 ? "User www-data" : ""}
<Proxy balancer://back>
  BalancerMember http://127.0.0.1:${back} hcmethod=${method} hcuri=/check hcinterval=200ms hcpasses=1 hcfails=1
</Proxy>
<Location /balancer-manager>
  SetHandler balancer-manager
</Location>
ProxyPass /balancer-manager !
ProxyPass / balancer://back/
`,
  args: (file) => ["-D", "FOREGROUND", "-f", file],
  health: {
    protocol,
    isUp: async ({ front }) => {
      const page = `http://127.0.0.1:${front}/balancer-manager`;
      return /<td>Init Ok *<\/td>/.test(await (await fetch(page)).text());
    },
  },
});

const lighttpd: Front = {
  title: "lighttpd, mod_proxy",
  program: "lighttpd",
  version: "-v",
  configuration: ({ front, back, folder }) => `
server.modules = ("mod_proxy")
server.document-root = "${folder}"
server.upload-dirs = ("${folder}")
server.bind = "127.0.0.1"
server.port = ${front}
proxy.server = ("" => (("host" => "127.0.0.1", "port" => ${back})))
`,
  args: (file) => ["-D", "-f", file],
};

const varnish: Front = {
  title: "Varnish, with a probe",
  program: "varnishd",
  version: "-V",
  configuration: ({ back }) => `
vcl 4.1;
backend default {
  .host = "127.0.0.1";
  .port = "${back}";
  .probe = { .url = "/check"; .interval = 0.1s; .window = 1; .threshold = 1; }
}
sub vcl_recv { return (pass); }
`,
  args: (file, { front, folder }) =>
    `-F -j none -s malloc,10m -n ${folder}/varnish -a 127.0.0.1:${front} -f ${file}`.split(
      " ",
    ),
  health: {
    protocol: "HTTP/1.1",
    isUp: async ({ folder }) => {
      const asked = ["-n", `${folder}/varnish`, "backend.list"];
      const { stdout } = await run("varnishadm", asked, { env: PROGRAM_ENV });
      return / healthy /.test(stdout);
    },
  },
};

export const FRONTS: readonly Front[] = [
  haproxy("HTTP/1.0"),
  haproxy("HTTP/1.1", "http-check send ver HTTP/1.1 hdr Host localhost"),
  apache("HTTP/1.0", "GET"),
  apache("HTTP/1.1", "GET11"),
  lighttpd,
  varnish,
];
