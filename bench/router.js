/**
 * What a look at the routes costs, beside find-my-way and rou3: `node bench/router.js`, after `npm run build` and
 * `npm ci`. Nanoseconds a lookup, the best of nine rounds, less what making its path costs.
 */
import FindMyWay from "find-my-way";
import { addRoute, createRouter, findRoute } from "rou3";
import { Router } from "../dist/lib/loop/router.js";

const ROUNDS = 9;
const COUNT = 500_000;

const words =
  "users orders items carts shops posts tags files teams roles plans notes likes".split(
    " ",
  );
const patterns = words.flatMap((word) => [
  `/${word}`,
  `/${word}/:id`,
  `/${word}/:id/parts`,
  `/${word}/:id/parts/:part`,
]);
const handler = () => "";

const ours = new Router();
const findMyWay = FindMyWay();
const rou3 = createRouter();
for (const pattern of patterns) {
  ours.route("GET", pattern, handler, {});
  findMyWay.on("GET", pattern, handler);
  addRoute(rou3, "GET", pattern, handler);
}

const finders = {
  "the path alone": (path) => path.charCodeAt(path.length - 1),
  eddy: (path) => ours.find("GET", path),
  "find-my-way": (path) => findMyWay.find("GET", path),
  rou3: (path) => findRoute(rou3, "GET", path),
};

/** New strings, as an engine makes them: one that has been looked up before knows its hash. */
const paths = {
  static: (i) => `/${words[i % words.length]}`,
  "one parameter": (i) => `/${words[i % words.length]}/${i}`,
  "two parameters": (i) => `/${words[i % words.length]}/${i}/parts/${i}`,
  "nothing found": (i) => `/${words[i % words.length]}/${i}/other`,
};

function nanoseconds(find, pathOf) {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    for (let i = 0; i < COUNT; i++) find(pathOf(i));
    best = Math.min(best, ((performance.now() - started) * 1e6) / COUNT);
  }
  return best;
}

const kinds = Object.keys(paths);
const taken = (find) => kinds.map((kind) => nanoseconds(find, paths[kind]));
const { "the path alone": alone, ...routers } = finders;
const own = taken(alone);
console.log(`| router | ${kinds.join(" | ")} |`);
console.log(`| --- |${" ---: |".repeat(kinds.length)}`);
for (const name of Object.keys(routers)) {
  const cells = taken(routers[name]).map((ns, i) => Math.round(ns - own[i]));
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}
