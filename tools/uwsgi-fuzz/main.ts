/** `npm run fuzz:uwsgi -- --count 500000 --seed 1`; every tenth packet is sent to a loop as well. */
import { parseArgs } from "node:util";
import { search } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "500000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
  },
});
const [seed, count] = [Number(values.seed), Number(values.count)];
const start = performance.now();
console.log(`${count} packets from seed ${seed}`);
const finding = await search(seed, count, 10, (done) => {
  if (done % 50_000 === 0) console.log(`${done} packets`);
});
const seconds = Math.round((performance.now() - start) / 1000);
console.log(
  finding
    ? `Seed ${finding.seed}: ${finding.fault}`
    : `Nothing wrong: ${count} packets in ${seconds} s`,
);
process.exit(finding ? 1 : 0);
