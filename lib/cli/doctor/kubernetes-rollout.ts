/** Ports of a node, which one pod can have at a time: what a rollout does with them. */
import { asText, list, table, type Table } from "./yaml.ts";

/** What is wrong, as far as the file shows it: how many nodes there are does not stand there. */
export function hostPortFault(resource: Table, pod: Table): string | false {
  const port = hostPortOf(pod);
  if (port === undefined) return false;
  const { replicas, maxUnavailable, maxSurge, kind } = rolloutOf(resource);
  if (kind === "DaemonSet")
    return (
      maxSurge > 0 &&
      `maxSurge starts a second pod on a node whose port ${port} (hostPort) the first still has: it waits for ever`
    );
  return (
    kind === "Deployment" &&
    maxUnavailable === 0 &&
    `a new pod waits for a node whose port ${port} (hostPort) is free, and no old one goes before it (maxUnavailable 0): with ${counted(replicas)} or fewer, a rollout hangs`
  );
}

const counted = (replicas: number): string =>
  replicas === 1 ? "one node" : `${replicas} nodes`;

/** Of all containers; those of a pod in the node's network are the node's. */
function hostPortOf({ containers, hostNetwork }: Table): string | undefined {
  const ports = list(containers)
    .flatMap((one) => list(table(one).ports))
    .map((one) => table(one))
    .map(({ hostPort, containerPort }) =>
      asText(hostPort ?? (hostNetwork === true ? containerPort : undefined)),
    );
  return ports.find((port) => port !== "");
}

interface Rollout {
  readonly kind: unknown;
  readonly replicas: number;
  readonly maxUnavailable: number;
  readonly maxSurge: number;
}

/** With Kubernetes' own values in place of those that are not there. */
function rolloutOf({ kind, spec }: Table): Rollout {
  const { replicas: given, strategy, updateStrategy } = table(spec);
  const { type, rollingUpdate } = table(strategy ?? updateStrategy);
  const { maxUnavailable, maxSurge } = table(rollingUpdate);
  const replicas = Number(given ?? 1);
  const share = (value: unknown, round: (x: number) => number): number => {
    const text = asText(value);
    return text.endsWith("%")
      ? round((parseInt(text) * replicas) / 100)
      : Number(text);
  };
  return {
    kind: type === "Recreate" || type === "OnDelete" ? undefined : kind,
    replicas,
    maxUnavailable: share(maxUnavailable ?? "25%", Math.floor),
    maxSurge: share(maxSurge ?? (kind === "DaemonSet" ? 0 : "25%"), Math.ceil),
  };
}
