/** A real nginx in a folder of the test, ended with the test. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, type Context } from "mocha";
import { folderWith } from "./folder.ts";

/** Debian has it where only root looks. */
const ENV = {
  ...process.env,
  PATH: `${process.env["PATH"]}:/usr/sbin:/usr/local/sbin`,
};

let running: ChildProcess[] = [];

afterEach(async () => {
  const all = running;
  running = [];
  for (const nginx of all) if (nginx.kill()) await once(nginx, "exit");
});

/** For `before`: where it is not installed, the tests are skipped; but CI has it. */
export function needsNginx(this: Context): void {
  if (spawnSync("nginx", ["-v"], { env: ENV }).error === undefined) return;
  if (process.env["CI"]) throw new Error("nginx is missing: install it");
  this.skip();
}

/** Starts one with these sites: what stands in the block `http`. */
export async function startNginx(sites: string): Promise<void> {
  const folder = folderWith({});
  writeFileSync(join(folder, "conf"), configuration(folder, sites));
  const nginx = spawn(
    "nginx",
    ["-p", folder, "-e", join(folder, "error.log"), "-c", "conf"],
    { env: ENV, stdio: ["ignore", "ignore", "pipe"] },
  );
  running.push(nginx);
  await Promise.race([listening(folder), failure(nginx)]);
}

function configuration(folder: string, sites: string): string {
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  return `
    daemon off;
    master_process off; # else it would give its rights away, and with them the folder
    pid ${folder}/pid;
    error_log ${folder}/error.log;
    events {}
    http { access_log off; ${paths.join(" ")} ${sites} }`;
}

/** The file with its process id is written when it listens. */
async function listening(folder: string): Promise<void> {
  const changes = watch(folder).unref();
  while (!existsSync(join(folder, "pid"))) await once(changes, "change");
  changes.close();
}

async function failure(nginx: ChildProcess): Promise<never> {
  const output = text(nginx.stderr!);
  await once(nginx, "exit");
  throw new Error(`nginx does not start: ${await output}`);
}
