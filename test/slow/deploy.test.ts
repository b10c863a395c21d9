/** The command under process managers: what systemd hears, and that its tools take the samples. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { parseYAML } from "confbox";
import { flagOf, KEYS, SCHEMA } from "../../lib/cli/schema.ts";
import { IDLE_TIMEOUT_MS } from "../../lib/engine/connections.ts";
import { eddy, Eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { ROOT } from "../support/root.ts";
import { compile, snippetFolder } from "../support/snippets.ts";

const has = (tool: string): boolean =>
  spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0;

/** Prints each datagram, its lines joined. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(4096).decode().strip().replace("\\n", " "), flush=True)
`;

describe("systemd", function () {
  this.timeout(PATIENCE_MS);

  it("hears, on a real datagram socket, when the workers serve, reload and end, and that they are alive", async function () {
    if (!has("systemd-notify") || !has("python3")) return this.skip();
    const path = folderWith({ "app.mjs": "export default () => '';" });
    const socket = join(path, "notify");
    const receiver = spawn("python3", ["-c", RECEIVER, socket], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const heard: string[] = [];
      const lines = createInterface(receiver.stdout);
      lines.on("line", (line) => heard.push(line));
      const hears = async (state: RegExp, times = 1): Promise<void> => {
        while (heard.filter((line) => state.test(line)).length < times)
          await once(lines, "line");
      };
      await hears(/^bound$/);
      const command = eddy(path, ["app.mjs"], {
        NOTIFY_SOCKET: socket,
        WATCHDOG_USEC: "400000",
      });
      await hears(/READY=1/);
      await hears(/WATCHDOG=1/, 2);
      command.kill("SIGHUP");
      await hears(/RELOADING=1/);
      await hears(/READY=1/, 2);
      command.kill("SIGUSR2"); // from here on the main process is another one
      await hears(/READY=1/, 3);
      const last = heard.findLast((line) => line.includes("READY=1"))!;
      const successor = Number(/MAINPID=(\d+)/.exec(last)![1]);
      expect(successor).not.to.equal(command.pid);
      await command.logged(/^a new release serves/);
      const its = new RegExp(`^MAINPID=${successor} `);
      // what the old one had sent before is heard by then
      await hears(its, heard.filter((line) => its.test(line)).length + 2);
      const passed = heard.length;
      process.kill(successor, "SIGTERM");
      await hears(/STOPPING=1/);
      expect(await command.ended).to.equal(0); // with its output, which both write to
      const since = heard.slice(passed).join();
      expect(since).not.to.include(`MAINPID=${command.pid}`);
    } finally {
      receiver.kill();
    }
  });
});

/** What is looked at of an object of Kubernetes. */
interface Manifest {
  spec: {
    selector: unknown;
    ports?: { targetPort: string }[];
    template?: {
      metadata: { labels: unknown };
      spec: {
        terminationGracePeriodSeconds: number;
        volumes: { name: string; emptyDir: unknown }[];
        containers: {
          args: string[];
          ports: { name: string; containerPort: number }[];
          env: unknown[];
          volumeMounts: { name: string; mountPath: string }[];
          readinessProbe: { httpGet: { path: string; port: string } };
          livenessProbe: { httpGet: unknown };
        }[];
      };
    };
  };
}

const read = (file: string): string =>
  readFileSync(join(ROOT, "samples/deploy", file), "utf8");

describe("samples/deploy", function () {
  this.timeout(PATIENCE_MS);

  it("has a Dockerfile whose eddy is reached from outside of the container", () => {
    expect(read("Dockerfile")).to.match(/^ENV .*\bPORT=8000\b/m);
  });

  it("has a unit that systemd takes", function () {
    if (!has("systemd-analyze")) return this.skip();
    const unit = read("eddy.service").replace(
      /^(ExecStart=)\S+/m,
      "$1/bin/true",
    ); // which has to be there
    const path = folderWith({
      "eddy.service": unit,
      "eddy.socket": read("eddy.socket"),
    });
    const { status, stderr } = spawnSync(
      "systemd-analyze",
      ["verify", join(path, "eddy.socket"), join(path, "eddy.service")],
      { encoding: "utf8" },
    );
    expect(stderr).to.not.match(/eddy\.(service|socket)/); // what it does not know, it only mentions
    expect(status, stderr).to.equal(0);
  });

  it("has a unit that may do little", function () {
    if (!has("systemd-analyze")) return this.skip();
    const path = join(ROOT, "samples/deploy/eddy.service");
    const { stdout } = spawnSync(
      "systemd-analyze",
      ["security", "--offline=true", "--no-pager", path],
      { encoding: "utf8" },
    );
    const level = /exposure level for eddy.service: ([\d.]+)/.exec(stdout)?.[1];
    expect(Number(level), stdout).to.be.at.most(2.5);
    expect(read("eddy.service")).to.match(
      /^RestartPreventExitStatus=2 3$[^]*^OOMPolicy=continue$/m,
    );
  });

  /** The part of the unit that can be had without systemd: no capability, and none to be got. */
  const restricted = has("setpriv")
    ? "setpriv --no-new-privs --bounding-set=-all --inh-caps=-all".split(" ")
    : [];

  for (const [file, line, launcher] of [
    ["eddy.service", /^ExecStart=\S+\/eddy (.*)$/m, restricted],
    ["eddy.upstart.conf", /^exec \S+\/eddy (.*)$/m, []],
    ["Dockerfile", /^CMD \["\S+\/eddy", (.*)\]$/m, []],
    ["kubernetes.yaml", /- node_modules\/.bin\/eddy\n([^]*?) +ports:/m, []],
  ] as [string, RegExp, string[]][])
    it(`has a command in ${file} that serves, reloads at HUP, and ends with 0 at TERM`, async () => {
      const [, written = ""] = line.exec(read(file)) ?? [];
      const args = written
        .split(/[\s,"]+/)
        .filter((arg) => arg !== "" && arg !== "-")
        .map((arg) => arg.replace(/^--(metrics)=.*/, "--$1=127.0.0.1:0"));
      expect(args).to.include("app.ts");
      const path = folderWith({ "app.ts": "export default () => 'up';" });
      const command = new Eddy(
        path,
        [...args, "--http", "127.0.0.1:0"],
        {
          NODE_ENV: "production",
        },
        undefined,
        launcher,
      );
      expect(await command.text()).to.equal("up");
      command.kill("SIGHUP");
      await command.logged(/^reloaded \d+ workers?$/);
      command.kill("SIGTERM");
      expect(await command.ended).to.equal(0);
    });

  const dockerfile = read("Dockerfile");
  const [, port] = /^EXPOSE (\d+)$/m.exec(dockerfile)!;

  it("has a Dockerfile of two stages whose process 1 reaps and hands TERM on, at the port that it exposes", () => {
    expect(dockerfile.match(/^FROM /gm)).to.have.length(2);
    expect(dockerfile).to.match(/^ENTRYPOINT \["\/usr\/bin\/tini", "--"\]$/m);
    // a shell in between would keep TERM to itself
    expect(dockerfile).to.match(/^CMD \["node_modules\/\.bin\/eddy", /m);
    expect(dockerfile).to.include(`"--http", "0.0.0.0:${port}"`);
    expect(dockerfile).to.match(/^HEALTHCHECK /m);
    const ignored = read(".dockerignore").split("\n");
    expect(ignored).to.include.members(["node_modules", ".git", ".env*"]);
  });

  it("has a Dockerfile whose check tells a server that serves from one that does not", async () => {
    const [, code] = /CMD \["node", "-e", "(.*)"\]/.exec(dockerfile)!;
    const path = folderWith({ "app.mjs": "export default () => '';" });
    const command = eddy(path, ["app.mjs", "--health-check", "/healthz"]);
    const at = new URL(await command.url()).port;
    const check = async (): Promise<unknown> => {
      const its = spawn(process.execPath, ["-e", code!.replace(port!, at)]);
      const [status] = (await once(its, "exit")) as [number];
      return status;
    };
    expect(await check()).to.equal(0);
    await command.end();
    expect(await check()).to.equal(1);
  });

  it("has a Dockerfile on a Node.js that is supported today; otherwise: take the next that is", () => {
    const ends: Record<string, string> = {
      22: "2027-04-30",
      24: "2028-04-30",
      26: "2029-04-30",
    };
    const majors = [...dockerfile.matchAll(/^FROM node:(\d+)-/gm)].map(
      ([, major]) => major!,
    );
    expect(majors).to.have.length(2);
    for (const major of majors)
      expect(Date.parse(ends[major] ?? ""), major).to.be.above(Date.now());
  });

  it("has objects of Kubernetes with the fields that its API has", () => {
    const folder = snippetFolder();
    const objects = read("kubernetes.yaml")
      .split(/^---$/m)
      .map((text) => parseYAML<{ kind: string; apiVersion: string }>(text));
    const source = objects.map((object, i) => {
      const { kind, apiVersion } = object;
      const module = apiVersion.includes("/")
        ? apiVersion
        : `core/${apiVersion}`;
      return (
        `import type { ${kind} } from "kubernetes-types/${module}.js";\n` +
        `export const object${i}: ${kind} = ${JSON.stringify(object)};\n`
      );
    });
    try {
      expect(compile(folder, { "objects.ts": source.join("") })).to.equal("");
      expect(source).to.have.length(2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("has objects of Kubernetes that agree with each other, and with the settings", () => {
    const [deployment, service] = read("kubernetes.yaml")
      .split(/^---$/m)
      .map((text) => parseYAML<Manifest>(text));
    const pod = deployment!.spec.template!;
    const [container] = pod.spec.containers;
    const { ports, args, readinessProbe, livenessProbe } = container!;
    expect(deployment!.spec.selector).to.deep.equal({
      matchLabels: pod.metadata.labels,
    });
    expect(service!.spec.selector).to.deep.equal(pod.metadata.labels);
    const at = Object.fromEntries(
      ports.map(({ name, containerPort }) => [name, containerPort]),
    );
    expect(args).to.include(`--http=0.0.0.0:${at["http"]}`);
    expect(args).to.include(`--metrics=0.0.0.0:${at["metrics"]}`);
    expect(service!.spec.ports![0]!.targetPort).to.equal("http");
    expect(readinessProbe.httpGet.port).to.equal("http");
    expect(args).to.include(`--health-check=${readinessProbe.httpGet.path}`);
    expect(livenessProbe.httpGet).to.deep.equal({
      path: "/metrics",
      port: "metrics",
    }); // /healthz would end a drain
    const seconds = (flag: string): number => {
      const given = args.find((arg) => arg.startsWith(`--${flag}=`));
      return Number(/=(\d+)s$/.exec(given!)![1]);
    };
    const least =
      seconds("readiness-delay") +
      seconds("drain-timeout") +
      SCHEMA.linger.default / 1000;
    expect(pod.spec.terminationGracePeriodSeconds).to.be.above(least);
    const [volume] = pod.spec.volumes;
    expect(volume!.emptyDir).to.deep.equal({});
    const [mount] = container!.volumeMounts;
    expect(mount!.name).to.equal(volume!.name);
    expect(container!.env).to.deep.include({
      name: "TMPDIR",
      value: mount!.mountPath,
    });
  });

  it("has a site whose connections nginx closes before eddy does", () => {
    const [, seconds] = /^ *keepalive_timeout (\d+)s;/m.exec(
      read("nginx.conf"),
    )!;
    expect(Number(seconds) * 1000).to.be.below(IDLE_TIMEOUT_MS - 4000); // the native engine looks every 4 s
    for (const site of ["nginx.conf", "nginx-uwsgi.conf"])
      expect(read(site)).to.match(/^ *gzip_vary on;/m);
  });

  it("names flags that there are", () => {
    const flags = new Set(KEYS.map(flagOf));
    for (const file of [
      "eddy.service",
      "eddy.upstart.conf",
      "nginx.conf",
      "Dockerfile",
      "kubernetes.yaml",
    ]) {
      const text = read(file);
      const used = [...text.matchAll(/eddy"?,? .*/g)].flatMap(
        ([line]) => line.match(/--[a-z-]+/g) ?? [],
      );
      expect(
        used.filter(
          (flag) =>
            !flags.has(flag) && flag !== "--die-on-term" && flag !== "--now",
        ),
      ).to.deep.equal([]);
    }
  });
});
