/**
 * Mocha's configuration for all tests that stay in their process, and all of the engines and of the loop. Left out are
 * the other files that, by themselves or by what they import of test/ and tools/, start processes or threads.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const STARTERS =
  /^(node:child_process|node:worker_threads|test\/support\/(threads|everywhere)\.ts|lib\/cli\/load-app\.ts)$/;

/** What they start are programs that make certificates, for one. */
const OF_ENGINES = /^test\/lib\/(?:engine|loop)\//;

/** It has to be the first in its process, and what it is about differs between versions of Node. */
const FIRST = "test/slow/first-store.test.ts";

function importsOf(file) {
  const source = readFileSync(join(ROOT, file), "utf8");
  const found = source.matchAll(/^(?:im|ex)port (?!type)[^;]*?"([^"]+)";/gms);
  return [...found].map(([, name]) =>
    name.startsWith(".") ? join(dirname(file), name) : name,
  );
}

/** A file that is imported is looked at as well; the set grows meanwhile. */
function starts(file) {
  const seen = new Set([file]);
  for (const one of seen) {
    if (STARTERS.test(one)) return true;
    if (/^(test|tools)\//.test(one))
      for (const imported of importsOf(one)) seen.add(imported);
  }
  return false;
}

export default {
  spec: readdirSync(join(ROOT, "test"), { recursive: true })
    .map((file) => join("test", file))
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) => file === FIRST || OF_ENGINES.test(file) || !starts(file))
    .map((file) => join("dist", file.replace(/ts$/, "js"))),
};
