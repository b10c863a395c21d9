/**
 * Hono by fetch(), beside other servers of it and the engine alone: part of the suite `apps`. Gives its report as
 * Markdown.
 */
import { measure } from "./measure.js";
import { table } from "./table.js";
import { tools } from "./tools.js";

const EDDY = ["hono-eddy light", "hono-eddy"];
const PEERS = ["hono", "hono-srvx light", "hono-srvx"];

/** Some 700 bytes, as an order may have. */
const ORDER = JSON.stringify({
  items: Array.from({ length: 21 }, (_, i) => ({
    id: i,
    name: "an item",
    n: i,
  })),
});

const CASES = [
  { title: "Hono, a text", path: "/", baseline: "uws-apps" },
  {
    title: "Hono, JSON with a parameter",
    path: "/users/7",
    baseline: "uws-apps",
  },
  {
    title: `Hono, JSON posted, ${ORDER.length} bytes`,
    path: "/orders",
    method: "POST",
    body: ORDER,
    baseline: "hono",
  },
];

export async function* measureFetch(options, say) {
  const names = ["uws-apps", ...EDDY, ...PEERS];
  for (const one of CASES) {
    const headers = one.body ? { "content-type": "application/json" } : {};
    const suite = { ...one, headers };
    const [{ tool, rows }] = await measure(
      suite,
      names,
      tools.slice(0, 1),
      options,
      (text) => say(`${one.title}: ${text}`),
    );
    yield `### ${one.title}, ${tool}; × ${one.baseline}\n\n${table(rows)}`;
  }
}
