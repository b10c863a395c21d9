/** The application of the tests of supervisor and workers: what it does is in the path. */
import { folderWith } from "../support/folder.ts";

export const APP = `
  import { execSync } from "node:child_process";
  export default async (request) => {
    if (request.path === "/pid") return String(process.pid);
    if (request.path === "/crash") setImmediate(() => { throw new Error("boom"); });
    if (request.path === "/exit") process.exit(7);
    if (request.path === "/spin") for (;;) Math.sqrt(2);
    if (request.path === "/block") execSync("sleep 3");
    if (request.path === "/busy") { for (const until = Date.now() + 1500; Date.now() < until;); return "done"; }
    if (request.path === "/never") { console.error("inside"); await new Promise(() => {}); }
    if (request.path === "/unmeasured") process.memoryUsage.rss = () => { throw new Error("no memory to see"); };
    if (request.path === "/env") return String(process.env[request.query.get("name")]);
    return "hello";
  };`;

/** Has it in app.mjs. */
export const folder = (): string => folderWith({ "app.mjs": APP });
export const runs = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
