/**
 * Behind the compiler in `npm run build`: copies Python's sources and the status page into dist/, and removes what has
 * no source any more, so that it neither runs as a test nor is published. All else stays as it is: a server may run
 * from it.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";

process.chdir(join(import.meta.dirname, ".."));

const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const pythons = filesIn("adapters").filter((file) => file.endsWith(".py"));
for (const source of [...pythons, ...filesIn("lib/status/page")]) {
  const copy = join("dist", source);
  if (isSame(source, copy)) continue;
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(source, copy);
}

function isSame(source, copy) {
  return existsSync(copy) && readFileSync(source).equals(readFileSync(copy));
}

for (const file of filesIn("dist")) {
  const copied = file.slice("dist/".length);
  const source = copied.replace(/(\.d\.ts|\.js|\.js\.map)$/, ".ts");
  const isMade = /^\.tsbuildinfo$|^package\.json$|__pycache__/.test(copied);
  if (!isMade && !existsSync(source) && !existsSync(copied)) rmSync(file);
}

await import("./bundle.js");
