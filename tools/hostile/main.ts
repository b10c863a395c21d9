/**
 * `npm run hostile [-- part of a name …]`: the attacks at full size, as a table. All take about five minutes; with
 * `--small` they are small, take half a minute, and those of which only time can tell are left out.
 */
import { parseArgs } from "node:util";
import { ENGINES } from "../../test/support/engines.ts";
import { play } from "./attack.ts";
import { attacks, http2Attacks, longAttacks } from "./attacks.ts";
import { problems } from "./problems.ts";
import { HEADING, row } from "./table.ts";

const { values, positionals: parts } = parseArgs({
  options: { small: { type: "boolean", default: false } },
  allowPositionals: true,
});
const size = values.small ? "small" : "full";
const all = [...attacks, ...(values.small ? [] : longAttacks)];
const isChosen = (name: string): boolean =>
  parts.length === 0 || parts.some((part) => name.includes(part));

let failed = false;
console.log(HEADING);
for (const engine of ENGINES) {
  console.log(`Engine: ${engine.name}`);
  const further = engine.name === "node" ? http2Attacks : [];
  for (const make of [...all, ...further]) {
    const attack = make(size, engine.name);
    if (!isChosen(attack.name)) continue;
    const report = await play(attack, size, engine.options);
    console.log(row(report));
    for (const problem of problems(report)) {
      failed = true;
      console.error(`${attack.name}: ${problem}`);
    }
  }
}
process.exit(failed ? 1 : 0);
