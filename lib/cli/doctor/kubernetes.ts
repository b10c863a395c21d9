/** What is wrong with how Kubernetes starts and ends eddy. */
import { lookAtStart, portCheck, startsEddy, type Started } from "./command.ts";
import type { Check, Finding, Look } from "./finding.ts";
import { hostPortFault } from "./kubernetes-rollout.ts";
import { variablesOf, type Resource } from "./kubernetes-variables.ts";
import { httpTargets } from "./setup.ts";
import type { Source } from "./text.ts";
import {
  asText,
  list,
  literally,
  placeIn,
  readDocuments,
  table,
  words,
  type Document,
  type Table,
} from "./yaml.ts";

export const isManifest = ({ text }: Source): boolean =>
  /^kind:\s*\w+/m.test(text) && /^apiVersion:/m.test(text);

interface Container {
  readonly resource: Resource;
  readonly pod: Table;
  readonly container: Table;
  /** Another one may stand in front of it. */
  readonly isAlone: boolean;
}

/** What is wrong with the containers of eddy in these files, which are one application. */
export async function lookAtManifests(
  sources: readonly Source[],
): Promise<Look> {
  const { documents, ...read } = readDocuments(sources);
  const resources = documents.flatMap((document) => [
    ...resourcesIn(document.value, document),
  ]);
  const all = resources.flatMap((resource) => containersIn(resource));
  const named = all.filter(({ container }) => isOurs(container));
  const ours =
    named.length === 0 &&
    all.length === 1 &&
    all[0]!.container.command === undefined
      ? all
      : named;
  const looks = await Promise.all(
    ours.map((one) => lookAtContainer(one, resources)),
  );
  return {
    findings: [...read.findings, ...looks.flatMap(({ findings }) => findings)],
    known:
      ours.length > 0
        ? documents.map(({ file }) => file).concat(read.known)
        : read.known,
    notes: [...read.notes, ...looks.flatMap(({ notes }) => notes)],
  };
}

/** Those of a list, too. */
function* resourcesIn(value: Table, document: Document): Generator<Resource> {
  if (asText(value.kind).endsWith("List"))
    for (const item of list(value.items))
      yield* resourcesIn(table(item), document);
  else yield { value, document };
}

function containersIn(resource: Resource): Container[] {
  const { kind, spec } = resource.value;
  const pod =
    kind === "Pod" ? table(spec) : table(table(table(spec).template).spec);
  const all = list(pod.containers);
  return all.map((one) => ({
    resource,
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
  { resource, pod, container, isAlone }: Container,
  resources: readonly Resource[],
): Promise<Pick<Look, "findings" | "notes">> {
  const { document, value } = resource;
  const args = words(container.args) ?? [];
  const command = words(container.command);
  const { environment, missing } = variablesOf(container, value, resources);
  const before = preStopMs(container);
  const context = {
    ...table(pod.securityContext),
    ...table(container.securityContext),
  };
  const ports = list(container.ports).map((port) =>
    Number(table(port).containerPort),
  );
  const where = placeIn(document, anchorsOf(container));
  const [anchor] = anchorsOf(container);
  const at = (pattern: RegExp): string =>
    placeIn(document, [pattern, ...anchorsOf(container)], anchor);
  const grace = pod.terminationGracePeriodSeconds;
  const found: Finding[] = await lookAtStart(
    {
      where,
      words: [...(command ?? (startsEddy(args) ? [] : ["eddy"])), ...args],
      env: environment,
      grace: {
        ms: Number(grace ?? 30) * 1000,
        name: "Kubernetes",
        setting: "terminationGracePeriodSeconds",
        where:
          grace === undefined
            ? where
            : placeIn(document, [/terminationGracePeriodSeconds:/]),
      },
      before,
      isRoot: context.runAsUser === 0,
      isPrivileged: true,
      isContainer: isAlone,
    },
    checksOf({ container, ports, before, at, value, pod }),
  );
  return {
    findings: found,
    notes: missing.map(
      (name) => `${where}: ${name} is not among these files, and may set more`,
    ),
  };
}

/** What stands in its lines, in the order of how sure it is that it is nowhere else. */
function anchorsOf({ image, name }: Table): RegExp[] {
  const line = (key: string, text: string): RegExp =>
    new RegExp(`${key}:\\s*["']?${literally(text)}["']?\\s*[,}]?.*$`, "m");
  return [
    ...(image === undefined ? [] : [line("image", asText(image))]),
    line("- name", asText(name)),
    line("name", asText(name)),
  ];
}

interface Parts {
  readonly container: Table;
  readonly ports: readonly number[];
  /** Of preStop, in milliseconds. */
  readonly before: number;
  /** The line of what is wrong. */
  readonly at: (pattern: RegExp) => string;
  readonly value: Table;
  readonly pod: Table;
}

const checksOf = ({
  container,
  ports,
  before,
  at,
  value,
  pod,
}: Parts): readonly Check<Started>[] => [
  portCheck(ports, "containerPort", at(/containerPort:/)),
  {
    code: "memory",
    wrong: ({ setup: { settings } }) => {
      const { memory } = table(table(container.resources).limits);
      const workers = settings.workers === "auto" ? 1 : settings.workers;
      return (
        settings.maxRss * workers > bytesOf(asText(memory)) &&
        settings.maxRss !== Infinity && {
          what: `${workers} workers may have more than the limit of ${asText(memory)} (maxRss): the pod is killed before one is replaced`,
          where: at(/limits:/),
        }
      );
    },
    todo: "a smaller --max-rss, or a larger limit",
  },
  {
    code: "kubernetes-readiness",
    wrong: ({ setup }) => {
      const what = readinessFault(container, ports, setup);
      const isThere = container.readinessProbe !== undefined;
      return (
        what && { what, where: isThere ? at(/readinessProbe:/) : undefined }
      );
    },
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
  {
    code: "kubernetes-host-port",
    wrong: () => {
      const what = hostPortFault(value, pod);
      return what && { what, where: at(/hostPort:|hostNetwork:/) };
    },
    todo: "maxUnavailable: 1 and maxSurge: 0, so that the old pod goes first; or no hostPort, and a Service",
  },
];

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
  ports: readonly number[],
  setup: Started["setup"],
): string | false {
  const { healthCheck } = setup.settings;
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
