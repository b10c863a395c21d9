/** What this process runs on. */

/** Undefined on Node.js. The supervisor's claims and the workers' watchdog are made of what Node.js alone has. */
export const OTHER_RUNTIME = ["bun", "deno"].find(
  (name) => process.versions[name] !== undefined,
);
