/**
 * Behind the compiler in `npm run build`: copies Python's sources into dist/, and removes what has no source any more, so
 * that it neither runs as a test nor is published. All else stays as it is: a server may run from it.
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

for (const source of filesIn("adapters")) {
  const copy = join("dist", source);
  if (!source.endsWith(".py") || isSame(source, copy)) continue;
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(source, copy);
}

function isSame(source, copy) {
  return existsSync(copy) && readFileSync(source).equals(readFileSync(copy));
}

for (const file of filesIn("dist")) {
  const source = file
    .slice("dist/".length)
    .replace(/(\.d\.ts|\.js|\.js\.map)$/, ".ts");
  if (!/^\.tsbuildinfo$|__pycache__/.test(source) && !existsSync(source))
    rmSync(file);
}
