/** `npm run fuzz -- --count 200000 --seed 1`; with `--brief` it tells the seed of a difference and no more. */
import { parseArgs } from "node:util";
import { exclusions } from "./exclusions.ts";
import { explain, search } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "200000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    brief: { type: "boolean", default: false },
  },
});
const [seed, count] = [Number(values.seed), Number(values.count)];
const start = performance.now();
const rate = (done: number): string =>
  `${done} programs, ${Math.round((1000 * done) / (performance.now() - start))} a second`;

console.log(`${count} programs from seed ${seed}`);
for (const { name, reason } of exclusions)
  console.log(`without ${name}: ${reason}`);
const found = await search(seed, count, (done) => {
  if (done % 5000 === 0) console.log(rate(done));
});
if (found === undefined) console.log(`No difference: ${rate(count)}`);
else
  console.log(
    values.brief ? `Seed ${found.seed} differs` : await explain(found),
  );
process.exit(found === undefined ? 0 : 1);
