/**
 * What bodies cost, received and replied: the suite `bodies` of run.js. Gives its report as Markdown, a table a case
 * and tool.
 */
import { measure } from "./measure.js";
import { ORDER, WHOLE } from "./servers/bodies.js";
import { table } from "./table.js";
import { tools } from "./tools.js";

const ALL = [
  "bodies-uws",
  "bodies-eddy uws",
  "bodies-eddy node",
  "bodies-fastify",
  "bodies-node",
];

const JSON_TYPE = { "content-type": "application/json" };
const BYTES_TYPE = { "content-type": "application/octet-stream" };

/** Of `method`, `body` and `headers` goes what a case says; the first server of a case is its baseline. */
const CASES = [
  {
    title: "JSON, 700 bytes, posted",
    path: "/json",
    servers: ALL,
    method: "POST",
    body: ORDER,
    headers: JSON_TYPE,
  },
  {
    title: "A reply streamed in 20 chunks of 1 KB",
    path: "/chunks",
    servers: ["bodies-node", ...ALL.filter((name) => name !== "bodies-node")],
  },
  ...["async", "web", "node", "writer"].map((kind) => ({
    title: `The same, from another source: ${kind}`,
    path: "/chunks",
    servers: ["bodies-node", `bodies-eddy uws ${kind}`],
  })),
  ...Object.keys(WHOLE).map((path) => ({
    title: `A whole reply of ${path.slice(1)}`,
    path,
    servers: ALL,
  })),
  ...Object.entries(WHOLE).map(([path, body]) => ({
    title: `Bytes posted, ${path.slice(1)}`,
    path,
    servers: ALL,
    method: "POST",
    body: body.toString(),
    headers: BYTES_TYPE,
  })),
];

export async function* measureBodies(options, say) {
  for (const { title, servers, headers = {}, ...request } of CASES) {
    const suite = { ...request, headers, baseline: servers[0] };
    const of = (text) => say(`${title}: ${text}`);
    const results = await measure(suite, servers, tools, options, of);
    for (const { tool, rows } of results)
      yield `### ${title}, ${tool}\n\n${table(rows)}`;
  }
}
