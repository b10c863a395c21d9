/** The sources of the suites, and what they need to run. What is there is not fetched again. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const CACHE = join(ROOT, "node_modules/.cache/eddy-suites");

/** Runs to its end, or throws with what it said. */
function run(cwd: string, command: string, ...args: string[]): void {
  execFileSync(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
}

/** Made in a folder of its own, which gets its name when it is whole. */
function fetched(name: string, make: (folder: string) => void): string {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  console.error(`suites: fetching ${name}`);
  make(partial);
  install(partial);
  renameSync(partial, folder);
  return folder;
}

/** Some of the packages name a Node that they do not need. */
const install = (folder: string): void =>
  run(
    folder,
    "npm",
    "install",
    "--ignore-scripts",
    "--engine-strict=false",
    "--legacy-peer-deps",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  );

const unpack = (archive: string, folder: string): void =>
  run(folder, "tar", "-xzf", archive, "--strip-components=1");

export const fetchFastify = (): string => {
  const { version } = JSON.parse(
    readFileSync(join(ROOT, "node_modules/fastify/package.json"), "utf8"),
  ) as { version: string };
  return fetched(`fastify-${version}`, (folder) => {
    run(folder, "npm", "pack", "--silent", `fastify@${version}`);
    unpack(`fastify-${version}.tgz`, folder);
  });
};

/** By an apt-get with lists of its own: the system's has seldom those of sources, and stays as it is. */
export const fetchExpress = (): string =>
  fetched("express-4", (folder) => {
    const apt = resolve(folder, "apt");
    for (const part of ["lists/partial", "cache/archives/partial"])
      mkdirSync(join(apt, part), { recursive: true });
    const sources = join(apt, "source.sources");
    writeFileSync(sources, debSrc());
    const options = [
      `Dir::Etc::SourceList=${sources}`,
      "Dir::Etc::SourceParts=/dev/null",
      `Dir::State::Lists=${join(apt, "lists")}`,
      `Dir::Cache=${join(apt, "cache")}`,
    ].flatMap((option) => ["-o", option]);
    run(apt, "apt-get", ...options, "-qq", "update");
    run(
      apt,
      "apt-get",
      ...options,
      "-qq",
      "source",
      "--download-only",
      "node-express",
    );
    const archive = readdirSync(apt).find((file) =>
      /\d\.orig\.tar\.gz$/.test(file),
    );
    if (archive === undefined)
      throw new Error(
        "Debian's source package node-express has no .orig.tar.gz",
      );
    unpack(join(apt, archive), folder);
  });

/** The system's own sources, for source packages. */
function debSrc(): string {
  const file = "/etc/apt/sources.list.d/debian.sources";
  return readFileSync(file, "utf8").replace(/^Types: .*/gm, "Types: deb-src");
}
