/** `npm run hostile [-- name …]`: every attack at full size, as a table. Takes about five minutes. */
import { attacks } from "./attacks.ts";
import { play } from "./attack.ts";
import { problems } from "./problems.ts";
import { HEADING, row } from "./table.ts";

const size = process.argv[2] === "small" ? "small" : "full";
const names = process.argv.slice(3);
let failed = false;
console.log(HEADING);
for (const make of attacks) {
  const attack = make(size);
  if (names.length > 0 && !names.some((name) => attack.name.includes(name)))
    continue;
  const report = await play(attack, size);
  console.log(row(report));
  for (const problem of problems(report)) {
    failed = true;
    console.error(`${attack.name}: ${problem}`);
  }
}
process.exit(failed ? 1 : 0);
