/** What `eddy doctor` reads together, and does not guess, in manifests of Kubernetes and files of Compose. */
import type { Code } from "../../../../lib/cli/doctor/finding.ts";
import { tests, type Case } from "./cases.ts";

const ARGS = "--http=:8000 --health-check=/healthz --readiness-delay=5s";

interface Parts {
  args?: string;
  env?: string;
  envFrom?: string;
  port?: string;
  /** Of the object. */
  kind?: string;
  spec?: string;
  grace?: number;
}

const manifest = ({
  args = ARGS,
  env = "[]",
  envFrom = "[]",
  port = "{ containerPort: 8000 }",
  kind = "Deployment",
  spec = "{ replicas: 2 }",
  grace = 60,
}: Parts = {}): string => `apiVersion: apps/v1
kind: ${kind}
metadata: { name: shop }
spec:
  <<: ${spec}
  template:
    spec:
      terminationGracePeriodSeconds: ${grace}
      containers:
        - name: shop
          image: registry.example.org/shop
          command: [node_modules/.bin/eddy, app.ts, ${args.split(" ").join(", ")}]
          env: ${env}
          envFrom: ${envFrom}
          ports: [${port}]
          readinessProbe: { httpGet: { path: /healthz, port: 8000 } }
`;

const config = (data: string, kind = "ConfigMap", name = "shop"): string =>
  `apiVersion: v1\nkind: ${kind}\nmetadata: { name: ${name} }\n${data}\n`;

const FROM = "[{ configMapRef: { name: shop } }]";

const one = (parts: Parts, finds: Code[] = [], ...more: string[]): Case => ({
  files: { "all.yaml": [manifest(parts), ...more].join("---\n") },
  finds,
});

describe("eddy doctor, of manifests", () => {
  tests({
    "a ConfigMap in the same file": one(
      { envFrom: FROM },
      ["grace"],
      config("data: { EDDY_DRAIN_TIMEOUT: 90s }"),
    ),
    "one in another file": {
      files: {
        "shop.yaml": manifest({ envFrom: FROM }),
        "config.yaml": config("data: { EDDY_DRAIN_TIMEOUT: 90s }"),
      },
      finds: ["grace"],
    },
    "one in a folder with it": {
      files: {
        "k8s/shop.yaml": manifest({ envFrom: FROM }),
        "k8s/config.yaml": config("data: { EDDY_DRAIN_TIMEOUT: 90s }"),
        "k8s/README.md": "services:\n- [\n",
      },
      given: ["k8s"],
      finds: ["grace"],
    },
    "one that is elsewhere, and may set what is not there": {
      ...one({ args: "--http=:8000", envFrom: FROM, grace: 20 }),
      notes: "ConfigMap shop is not among these files",
    },
    "a flag that counts, whatever one elsewhere sets": one(
      { args: `${ARGS} --drain-timeout=90s`, envFrom: FROM },
      ["grace"],
    ),
    "a prefix": one(
      { envFrom: "[{ prefix: EDDY_, configMapRef: { name: shop } }]" },
      ["grace"],
      config("data: { DRAIN_TIMEOUT: 90s }"),
    ),
    "a variable that counts instead of one of a ConfigMap": one(
      {
        envFrom: FROM,
        env: "[{ name: EDDY_DRAIN_TIMEOUT, value: 20s }]",
      },
      [],
      config("data: { EDDY_DRAIN_TIMEOUT: 90s }"),
    ),
    "a value of a ConfigMap": one(
      {
        env: "[{ name: EDDY_DRAIN_TIMEOUT, valueFrom: { configMapKeyRef: { name: shop, key: drain } } }]",
      },
      ["grace"],
      config("data: { drain: 90s }"),
    ),
    "a Secret that is elsewhere": one({
      env: "[{ name: EDDY_SECRET_KEY, valueFrom: { secretKeyRef: { name: shop, key: key } } }]",
    }),
    "a Secret in the same file, with what is too short": one(
      {
        env: "[{ name: EDDY_SECRET_KEY, valueFrom: { secretKeyRef: { name: shop, key: key } } }]",
      },
      ["settings"],
      config(
        `data: { key: ${Buffer.from("short").toString("base64")} }`,
        "Secret",
      ),
    ),
    "a Secret in plain words": one(
      {
        env: "[{ name: EDDY_DRAIN_TIMEOUT, valueFrom: { secretKeyRef: { name: shop, key: key } } }]",
      },
      ["grace"],
      config("stringData: { key: 90s }", "Secret"),
    ),
    "a port by a variable of the container": one(
      {
        args: ARGS.replace("8000", "$(PORT)"),
        env: '[{ name: PORT, value: "3000" }]',
      },
      ["container-port"],
    ),
    "a port by one that is not known": one({
      args: ARGS.replace("8000", "$(PORT)"),
      env: "[{ name: PORT, valueFrom: { fieldRef: { fieldPath: metadata.name } } }]",
      port: "{ containerPort: 3000 }",
    }),
    "a list": {
      files: {
        "all.yaml": `apiVersion: v1\nkind: List\nitems:\n  - ${manifest({ envFrom: FROM }).replaceAll("\n", "\n    ")}\n  - ${config("data: { EDDY_DRAIN_TIMEOUT: 90s }").replaceAll("\n", "\n    ")}\n`,
      },
      finds: ["grace"],
    },
    "a template of Helm": {
      files: { "shop.yaml": `${manifest()}  {{- if .Values.more }}\n` },
      misses: ["shop.yaml"],
      notes: "a template",
    },
    "a manifest that is broken": {
      files: { "shop.yaml": `${manifest()} : [\n` },
      finds: ["file-syntax"],
    },
  });
});

describe("eddy doctor, of ports of a node", () => {
  const port = "{ containerPort: 8000, hostPort: 80 }";
  const wrong: Code[] = ["kubernetes-host-port"];
  const strategy = (text: string): string =>
    `{ replicas: 8, strategy: { ${text} } }`;
  tests({
    "none that may be missing": one(
      {
        port,
        spec: strategy("rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }"),
      },
      wrong,
    ),
    "a share that is less than one pod": one(
      { port, spec: "{ replicas: 3 }" },
      wrong,
    ),
    "a share of several": one({ port, spec: "{ replicas: 8 }" }),
    "one that may be missing": one({
      port,
      spec: strategy("rollingUpdate: { maxUnavailable: 1 }"),
    }),
    "all at once": one({ port, spec: strategy("type: Recreate") }),
    "one by one, of a StatefulSet": one({ port, kind: "StatefulSet" }),
    "a DaemonSet": one({ port, kind: "DaemonSet" }),
    "a second one on each node": one(
      {
        port,
        kind: "DaemonSet",
        spec: "{ updateStrategy: { rollingUpdate: { maxSurge: 1 } } }",
      },
      wrong,
    ),
    "no port of the node": one({
      spec: strategy("rollingUpdate: { maxUnavailable: 0 }"),
    }),
  });
});

describe("eddy doctor, of Compose", () => {
  const compose = (lines: string): string =>
    `services:\n  web:\n    image: registry.example.org/shop\n    command: [eddy, app.ts]\n    stop_grace_period: 1m\n    ports: ["80:8000"]\n${lines}\n`;
  tests({
    "what it takes from another one": {
      files: {
        "compose.yaml": `x-all: &all\n  stop_grace_period: 5s\n${compose("    <<: *all\n    environment: { EDDY_HTTP: ':8000' }").replace("    stop_grace_period: 1m\n", "")}`,
      },
      finds: ["grace"],
    },
    "a file of variables": {
      files: {
        "compose.yaml": compose("    env_file: shop.env"),
        "shop.env": "EDDY_HTTP=:8000\nEDDY_DRAIN_TIMEOUT='90s'\n",
      },
      given: ["compose.yaml"],
      finds: ["grace"],
    },
    "one that is not here": {
      files: { "compose.yaml": compose("    env_file: [none.env]") },
    },
    "words of the container's own variables": {
      files: {
        "compose.yaml": `${compose("    environment: { PORT: 3000, MORE: '--drain-timeout 90s' }").replace("[eddy, app.ts]", 'exec eddy app.ts --http ":$$PORT" $$MORE')}`,
      },
      finds: ["container-port", "grace"],
    },
    "words that nobody here knows": {
      files: {
        "compose.yaml": compose("").replace("app.ts]", "app.ts, $$MORE]"),
      },
    },
    "none at all": {
      files: { "compose.yaml": compose("") },
      finds: ["loopback-in-container"],
    },
    "a variable of the shell, with a default": {
      files: {
        "compose.yaml": compose(
          "    environment:\n      EDDY_HTTP: :${INNER:-3000}",
        ),
      },
      finds: ["container-port"],
    },
    "one without": {
      files: {
        "compose.yaml": compose("    environment:\n      EDDY_HTTP: :${INNER}"),
      },
    },
  });
});
