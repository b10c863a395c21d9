/** `npm run fuzz:ws -- --count 100000 --seed 1`: so many conversations with each engine. */
import { parseArgs } from "node:util";
import { ENGINES } from "../../test/support/engines.ts";
import { search } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "20000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
  },
});
const [seed, count] = [Number(values.seed), Number(values.count)];
let failed = false;
for (const { name, options } of ENGINES) {
  console.log(`${name}: ${count} conversations from seed ${seed}`);
  const start = performance.now();
  const finding = await search(options, seed, count, (done) => {
    if (done % 10_000 === 0) console.log(`${done} conversations`);
  });
  const seconds = Math.round((performance.now() - start) / 1000);
  failed ||= finding !== undefined;
  console.log(
    finding === undefined
      ? `Nothing wrong: ${count} conversations in ${seconds} s`
      : `Seed ${finding.seed ?? seed}: ${finding.fault}`,
  );
}
process.exit(failed ? 1 : 0);
