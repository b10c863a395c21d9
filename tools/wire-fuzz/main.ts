/** `npm run fuzz:wire -- --count 1000000 --seed 1`; the count is of requests. */
import { parseArgs } from "node:util";
import { exceptions } from "./exceptions.ts";
import { explain } from "./explain.ts";
import { search } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
  },
});
const [seed, count] = [Number(values.seed), Number(values.count)];
const start = performance.now();
const rate = (done: number): string =>
  `${done} requests, ${Math.round((1000 * done) / (performance.now() - start))} a second`;

console.log(`${count} requests from seed ${seed}`);
for (const { name, reason } of exceptions)
  console.log(`but for ${name}: ${reason}`);
let told = 0;
const { finding, flukes } = await search(seed, count, (done) => {
  if (done - told < 50_000) return;
  told = done;
  console.log(rate(done));
});
for (const fluke of flukes) console.log(`Wrong, but only once: ${fluke}`);
console.log(finding ? await explain(finding) : `Nothing wrong: ${rate(count)}`);
process.exit(finding ? 1 : 0);
