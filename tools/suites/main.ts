/**
 * npm run suites [-- express fastify --only reply,stream]: the applications' own tests, on node:http and on a loop.
 * Says how many pass on each, and names those that pass there and fail here. Ends with 1 where one does that is not in
 * expected.ts.
 *
 * The sources come from Debian (express 4.18, with apt-get of its own) and from npm (Fastify's tarball); what the tests
 * need is installed beside them, in node_modules/.cache. `only`: parts of names of Fastify's files.
 */
import { parseArgs } from "node:util";
import { EXPECTED } from "./expected.ts";
import { fetchExpress, fetchFastify } from "./sources.ts";
import { passesAlone, runMocha, runNodeTest, type Passed } from "./run.ts";

const { values, positionals: chosen } = parseArgs({
  options: { only: { type: "string" } },
  allowPositionals: true,
});
const parts = values.only?.split(",");
const isChosen = (file: string): boolean =>
  parts === undefined || parts.some((part) => file.includes(part));

const SUITES: Readonly<Record<string, (served: boolean) => Promise<Passed>>> = {
  express: (served) => runMocha(fetchExpress(), served),
  fastify: (served) => runNodeTest(fetchFastify(), served, isChosen),
};

for (const name of chosen.length > 0 ? chosen : Object.keys(SUITES)) {
  const suite = SUITES[name];
  if (suite === undefined)
    throw new Error(
      `no suite ${name}; there are ${Object.keys(SUITES).join(", ")}`,
    );
  const [there, here] = [await suite(false), await suite(true)];
  const reasons = EXPECTED[name] ?? [];
  const reasonOf = (test: string): string | undefined =>
    reasons.find(([title]) => title.test(test))?.[1];
  const lost: string[] = [];
  for (const test of there) {
    if (here.has(test)) continue;
    const isBehind =
      name === "fastify" &&
      reasonOf(test) === undefined &&
      (await passesAlone(fetchFastify(), test));
    if (!isBehind) lost.push(test);
  }
  console.log(
    `${name}: ${there.size} pass on node:http, ${there.size - lost.length} of them on a loop`,
  );
  for (const test of lost) {
    const why = reasonOf(test);
    console.log(`  ${why === undefined ? "UNEXPECTED" : why}: ${test}`);
    if (why === undefined) process.exitCode = 1;
  }
}
