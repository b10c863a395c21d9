/** Files of variables: those of systemd, and of Compose. */
import { readFileSync } from "node:fs";

/** Undefined where there is none, and where it is somebody else's: it may hold secrets. */
export function readVariables(file: string): NodeJS.ProcessEnv | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  return Object.fromEntries(
    text
      .split("\n")
      .map((line) => /^\s*(?:export\s+)?(\w+)=(.*?)\s*$/.exec(line))
      .filter((match) => match !== null)
      .map(([, name, value]) => [
        name!,
        value!.replace(/^(["'])(.*)\1$/, "$2"),
      ]),
  );
}
