/**
 * Around `npm pack`: `package` makes of README.md what stands in the package, where its links to pages that are not
 * packed would lead nowhere; `repository` has it as it was.
 */
import {
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** It is there behind a packing that was interrupted, too. */
const SAVED = "node_modules/.eddy-readme.md";

/** Links to the web stay, and those to what is packed; of the others their text does. */
export function withoutDeadLinks(
  text: string,
  packed: readonly string[],
): string {
  const isPacked = (to: string): boolean =>
    packed.some((place) => to === place || to.startsWith(`${place}/`));
  return text.replaceAll(
    /\[([^\]]+)\]\(([^)\s]+)\)/g,
    (link: string, text: string, to: string) =>
      /^[a-z]+:|^#/.test(to) || isPacked(to) ? link : text,
  );
}

if (process.argv[1] === import.meta.filename) {
  process.chdir(join(import.meta.dirname, "../.."));
  if (existsSync(SAVED)) copyFileSync(SAVED, "README.md");
  rmSync(SAVED, { force: true });
  if (process.argv[2] === "package") {
    copyFileSync("README.md", SAVED);
    const { files } = JSON.parse(readFileSync("package.json", "utf8")) as {
      files: string[];
    };
    writeFileSync(
      "README.md",
      withoutDeadLinks(readFileSync("README.md", "utf8"), files),
    );
  }
}
