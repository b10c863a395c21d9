/** A report as a row of the table. */
import type { Report } from "./attack.ts";

const COLUMNS = [
  "attack",
  "load",
  "what happened",
  "memory before / highest / after, MB",
  "heap before / after, MB",
  "live after",
  "honest p50 / p99 / max, ms",
  "requests / shed / errors",
];

export const HEADING = `${line(COLUMNS)}\n${line(COLUMNS.map(() => "---"))}`;

export function row(report: Report): string {
  const { attack, before, after, served } = report;
  const { p50, p99, max } = served;
  return line([
    attack.name,
    attack.load,
    story(report),
    [before.rss, after.peak, after.rss].map(whole).join(" / "),
    [before.heap, after.heap].map(precise).join(" / "),
    String(after.live),
    [p50, p99, max].map((ms) => ms.toFixed(1)).join(" / "),
    [served.visits, served.shed, served.errors.length].join(" / "),
  ]);
}

function story({ course, attackers }: Report): string {
  const fates = Object.entries(course.fates).map(([fate, n]) => `${n} ${fate}`);
  const { accepted, ...outcomes } = attackers;
  const counted = Object.entries(outcomes).flatMap(([outcome, n]) =>
    n > 0 ? [`${n} ${outcome}`] : [],
  );
  return [
    fates.join(", "),
    ...(course.note === undefined ? [] : [course.note]),
    `accepted ${accepted}${counted.length > 0 ? `: ${counted.join(", ")}` : ""}`,
  ].join("; ");
}

const MB = 1024 * 1024;
const whole = (bytes: number): string => (bytes / MB).toFixed(0);
const precise = (bytes: number): string => (bytes / MB).toFixed(1);

function line(cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}
