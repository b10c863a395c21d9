/** A real nginx in a folder of its own, ended with the test. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { freePort } from "./free-port.ts";
import { afterTest } from "./hooks.ts";
import { outputOf, PROGRAM_ENV } from "./programs.ts";

export const NGINX_MISSING =
  outputOf("nginx", "-v") === undefined ? "nginx is not installed" : undefined;

/** `site`: what stands in the block `http`, for a port of this machine. Gives the port. */
export async function startNginx(
  site: (port: number) => string,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "eddy-nginx-"));
  const port = await freePort();
  writeFileSync(join(folder, "conf"), configuration(folder, site(port)));
  const log = join(folder, "error.log");
  const nginx = spawn("nginx", ["-p", folder, "-e", log, "-c", "conf"], {
    env: PROGRAM_ENV,
    stdio: ["ignore", "ignore", "pipe"],
  });
  afterTest(async () => {
    if (nginx.kill()) await once(nginx, "exit");
    rmSync(folder, { recursive: true });
  });
  await Promise.race([listening(folder), failure(nginx)]);
  return port;
}

/** What `nginx -t` has against a site; empty when nothing. */
export function nginxRefuses(site: string): string {
  const folder = mkdtempSync(join(tmpdir(), "eddy-nginx-"));
  afterTest(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "conf"), configuration(folder, site));
  const args = ["-t", "-q", "-p", folder, "-e", "stderr", "-c", "conf"];
  const { stderr } = spawnSync("nginx", args, {
    env: PROGRAM_ENV,
    encoding: "utf8",
  });
  return stderr;
}

function configuration(folder: string, site: string): string {
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  return `
    daemon off;
    master_process off; # else it would give its rights away, and with them the folder
    pid ${folder}/pid;
    error_log ${folder}/error.log;
    events {}
    http { access_log off; ${paths.join(" ")} ${site} }`;
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
