/** What is wrong with how Compose and Kubernetes start and end eddy: files of YAML. */
import { parseYAML } from "confbox";
import { lookAtStart, portCheck, startsEddy } from "./command.ts";
import type { Finding } from "./finding.ts";
import { httpTargets } from "./setup.ts";
import { lineOf, wordsOf } from "./text.ts";

type Table = Readonly<Record<string, unknown>>;

const table = (value: unknown): Table =>
  typeof value === "object" && value !== null ? (value as Table) : {};
const asText = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const words = (value: unknown): string[] | undefined =>
  typeof value === "string"
    ? wordsOf(value)
    : Array.isArray(value)
      ? value.map(asText)
      : undefined;

interface Document {
  readonly value: Table;
  /** Where it begins. */
  readonly line: number;
}

/** @throws where it is no YAML. */
function documentsOf(text: string): Document[] {
  const parts = text.split(/^---.*$/m);
  let line = 1;
  return parts.flatMap((part) => {
    const at = line;
    line += part.split("\n").length - 1;
    return /^\s*[^#\s]/m.test(part)
      ? [{ value: table(parseYAML(part)), line: at }]
      : [];
  });
}

export const isManifest = (text: string): boolean =>
  /^kind:\s*\w+/m.test(text) && /^apiVersion:/m.test(text);

export const isCompose = (text: string): boolean =>
  /^services:\s*(#.*)?$/m.test(text);

interface Container {
  readonly pod: Table;
  readonly container: Table;
  /** Another one may stand in front of it. */
  readonly isAlone: boolean;
}

/** Undefined where no container is one of eddy. */
export async function lookAtManifest(
  file: string,
  text: string,
): Promise<Finding[] | undefined> {
  const all = documentsOf(text).flatMap(({ value }) => containersIn(value));
  const named = all.filter(({ container }) => isOurs(container));
  const ours =
    named.length === 0 &&
    all.length === 1 &&
    all[0]!.container.command === undefined
      ? all
      : named;
  if (ours.length === 0) return undefined;
  const found = ours.map((one) => lookAtContainer(file, text, one));
  return (await Promise.all(found)).flat();
}

function containersIn({ kind, spec }: Table): Container[] {
  const pod =
    kind === "Pod" ? table(spec) : table(table(table(spec).template).spec);
  const all = list(pod.containers);
  return all.map((one) => ({
    pod,
    container: table(one),
    isAlone: all.length === 1,
  }));
}

/** By what it runs, or, where the image says that, by its name or a variable. */
function isOurs({ command, args, env, name, image }: Table): boolean {
  const given = words(command);
  const its = [...(given ?? []), ...(words(args) ?? [])];
  if (given !== undefined || startsEddy(its)) return startsEddy(its);
  return (
    /\beddy\b/.test(`${asText(name)} ${asText(image)}`) ||
    list(env).some((one) => asText(table(one).name).startsWith("EDDY_"))
  );
}

async function lookAtContainer(
  file: string,
  text: string,
  { pod, container, isAlone }: Container,
): Promise<Finding[]> {
  const args = words(container.args) ?? [];
  const command = words(container.command);
  const env = Object.fromEntries(
    list(container.env).map((one) => [
      asText(table(one).name),
      asText(table(one).value ?? "8000"),
    ]),
  );
  const before = preStopMs(container);
  const graceMs = Number(pod.terminationGracePeriodSeconds ?? 30) * 1000;
  const context = {
    ...table(pod.securityContext),
    ...table(container.securityContext),
  };
  const ports = list(container.ports).map((port) =>
    Number(table(port).containerPort),
  );
  const shown = asText(container.name ?? container.image ?? "");
  const pattern = new RegExp(
    `name:\\s*["']?${shown.replace(/\W/g, "\\$&")}["']?\\s*$`,
    "m",
  );
  return await lookAtStart(
    {
      where: `${file}:${lineOf(text, pattern)}`,
      words: [...(command ?? (startsEddy(args) ? [] : ["eddy"])), ...args],
      env,
      grace: { ms: graceMs, name: "Kubernetes" },
      before,
      isRoot: context.runAsUser === 0,
      isPrivileged: true,
      isContainer: isAlone,
    },
    [
      portCheck(ports, "containerPort"),
      {
        code: "memory",
        wrong: ({ setup: { settings } }) => {
          const { memory } = table(table(container.resources).limits);
          const workers = settings.workers === "auto" ? 1 : settings.workers;
          return (
            settings.maxRss * workers > bytesOf(asText(memory)) &&
            settings.maxRss !== Infinity &&
            `${workers} workers may have more than the limit of ${asText(memory)} (maxRss): the pod is killed before one is replaced`
          );
        },
        todo: "a smaller --max-rss, or a larger limit",
      },
      {
        code: "kubernetes-readiness",
        wrong: ({ setup }) =>
          readinessFault(container, setup.settings.healthCheck, ports, setup),
        todo: "readinessProbe: { httpGet: { path: /healthz, port: 8000 } }, and --health-check /healthz",
      },
      {
        code: "kubernetes-rollout",
        wrong: ({ setup }) =>
          before === 0 &&
          setup.settings.readinessDelay === 0 &&
          "a pod that ends stops listening at once, while Services still send it connections: they are refused",
        todo: "--readiness-delay 10s, or a preStop that sleeps",
      },
    ],
  );
}

/** As Kubernetes writes quantities. Without a limit there is room for all. */
function bytesOf(text: string): number {
  const [, number, unit = ""] = /^([\d.]+)([kKMGT]i?)?$/.exec(text) ?? [];
  if (number === undefined) return Infinity;
  const base = unit.endsWith("i") ? 1024 : 1000;
  return (
    Number(number) *
    base ** ["", "K", "M", "G", "T"].indexOf(unit.slice(0, 1).toUpperCase())
  );
}

function readinessFault(
  container: Table,
  healthCheck: string,
  ports: readonly number[],
  setup: Parameters<typeof httpTargets>[0],
): string | false {
  const probe = table(container.readinessProbe);
  if (Object.keys(probe).length === 0)
    return "there is no readinessProbe: requests come before the workers serve, and while they drain";
  const get = table(probe.httpGet);
  if (Object.keys(get).length === 0)
    return (
      probe.tcpSocket !== undefined &&
      "the readinessProbe connects alone: it does not see that a pod drains"
    );
  const [path] = asText(get.path ?? "/").split("?");
  if (healthCheck !== "" && path !== healthCheck)
    return `the readinessProbe asks for ${path}, --health-check is ${healthCheck}: it does not see that a pod drains`;
  if (healthCheck === "" && setup.given.size > 0)
    return `the readinessProbe asks for ${path}, which the application answers until its end: nobody sees that a pod drains`;
  const named = list(container.ports).find(
    (port) => table(port).name === get.port,
  );
  const port = Number(
    named === undefined ? get.port : table(named).containerPort,
  );
  const ours = httpTargets(setup).flatMap((one) =>
    "port" in one ? [one.port] : [],
  );
  return (
    ours.length > 0 &&
    !ours.includes(port) &&
    !ports.includes(port) &&
    `the readinessProbe asks at port ${asText(get.port)}, eddy listens at ${ours.join(", ")}`
  );
}

/** How long a preStop sleeps. */
function preStopMs({ lifecycle }: Table): number {
  const { sleep, exec } = table(table(lifecycle).preStop) as {
    sleep?: { seconds?: number };
    exec?: { command?: unknown };
  };
  const slept = /\bsleep\s+(\d+)/.exec(
    (words(exec?.command) ?? []).join(" "),
  )?.[1];
  return Number(sleep?.seconds ?? slept ?? 0) * 1000;
}

/** Undefined where no service is one of eddy. */
export async function lookAtCompose(
  file: string,
  text: string,
): Promise<Finding[] | undefined> {
  const value = table(documentsOf(text)[0]?.value);
  const found = await Promise.all(
    Object.entries(table(value.services)).map(async ([name, service]) => {
      const {
        command,
        entrypoint,
        environment,
        ports,
        stop_grace_period,
        user,
      } = table(service);
      const given = [...(words(entrypoint) ?? []), ...(words(command) ?? [])];
      const isOurs =
        given.length > 0 ? startsEddy(given) : /\beddy\b/.test(name);
      if (!isOurs) return undefined;
      const env = Array.isArray(environment)
        ? Object.fromEntries(
            environment.map((one) => String(one).split(/=(.*)/s).slice(0, 2)),
          )
        : table(environment);
      return await lookAtStart(
        {
          where: `${file}:${lineOf(text, new RegExp(`^\\s+${name}:`, "m"))}`,
          words: given.length > 0 ? given : ["eddy"],
          env: env as NodeJS.ProcessEnv,
          grace: {
            ms: msOf(asText(stop_grace_period ?? "10s")),
            name: "Docker",
          },
          isRoot: /^(root|0)(:|$)/.test(asText(user ?? "")),
          isPrivileged: true,
          isContainer: true,
        },
        [portCheck(portsOf(ports), "ports")],
      );
    }),
  );
  const known = found.filter((one) => one !== undefined);
  return known.length === 0 ? undefined : known.flat();
}

/** Those within the container: the last number of `127.0.0.1:80:8000/tcp`. */
const portsOf = (ports: unknown): number[] =>
  list(ports).map((port) =>
    typeof port === "object"
      ? Number(table(port).target)
      : Number(/(\d+)(?:\/\w+)?$/.exec(asText(port))?.[1]),
  );

/** As Go writes durations: `90s`, `1m30s`. */
const msOf = (text: string): number =>
  [...text.matchAll(/(\d+)(ms|[smh])/g)].reduce(
    (sum, [, number, unit]) =>
      sum +
      Number(number) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit as "s"],
    0,
  );
