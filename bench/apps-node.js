/** Applications of node:http, each beside itself on node:http. Gives its report as Markdown. */
import { measure } from "./measure.js";
import { table } from "./table.js";
import { tools } from "./tools.js";

/** What each is served by; the first is what the others are compared with. */
const APPLICATIONS = {
  "Express 5": ["express5", "node", "node-made", "eddy"],
  "Express 4": ["express4", "node", "node-made", "eddy"],
  Fastify: ["fastify", "node", "eddy"],
  Koa: ["koa", "node", "eddy"],
};

export async function* measureNodeApps(options, say) {
  for (const [title, [kind, ...places]] of Object.entries(APPLICATIONS)) {
    const names = places.map((place) => `app-of-node ${kind} ${place}`);
    const suite = { baseline: names[0], path: "/", headers: {} };
    const [{ tool, rows }] = await measure(
      suite,
      names,
      tools.slice(0, 1),
      options,
      (text) => say(`${title}: ${text}`),
    );
    const [{ perSecond: base }] = rows;
    const more = rows
      .slice(1)
      .map(({ name, perSecond }) => `${name} ${(perSecond / base).toFixed(2)}`);
    yield `### ${title}, ${tool}\n\n${table(rows)}\n\nRequests a second ÷ node:http: ${more.join(", ")}`;
  }
}
