/** `npm run hostile [-- part of a name …]`: the attacks at full size, as a table. All take about five minutes. */
import { play } from "./attack.ts";
import { attacks, longAttacks } from "./attacks.ts";
import { problems } from "./problems.ts";
import { HEADING, row } from "./table.ts";

const parts = process.argv.slice(2);
const chosen = [...attacks, ...longAttacks]
  .map((make) => make("full"))
  .filter(
    ({ name }) =>
      parts.length === 0 || parts.some((part) => name.includes(part)),
  );

let failed = false;
console.log(HEADING);
for (const attack of chosen) {
  const report = await play(attack, "full");
  console.log(row(report));
  for (const problem of problems(report)) {
    failed = true;
    console.error(`${attack.name}: ${problem}`);
  }
}
process.exit(failed ? 1 : 0);
