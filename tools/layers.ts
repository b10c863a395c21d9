/**
 * Prints the ground plan of lib: its rooms (the files and folders directly in it), on which floor each stands, and how
 * many imports lead to which rooms below. Type imports count. `npm run layers`; with `--write`, it puts the plan into
 * docs/design.md.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Who imports what, as paths from the root; packages keep their names. */
interface Arrow {
  readonly from: string;
  readonly to: string;
  /** It is gone at run time. */
  readonly isType: boolean;
  /** By `import()`. */
  readonly isLater: boolean;
}

/** Every import in a folder's sources, those by `import()` among them. */
export function arrowsOf(folder: string): Arrow[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const from = join(folder, file);
      const source = readFileSync(join(ROOT, from), "utf8");
      return [...source.matchAll(IMPORT)].map((match): Arrow => {
        const [, isType, named, later] = match;
        return {
          from,
          to: resolve(from, (named ?? later)!),
          isType: isType !== undefined,
          isLater: later !== undefined,
        };
      });
    });
}

const IMPORT =
  /^(?:import|export) (type )?(?:[^;"]*? from )?"([^"]+)";|\bimport\("([^"]+)"\)/gms;

function resolve(importer: string, specifier: string): string {
  return specifier.startsWith(".")
    ? relative(ROOT, join(ROOT, dirname(importer), specifier))
    : specifier;
}

/** Of what is in a folder, who leads to whom, by how many arrows. */
type Plan = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** The rooms of lib: `lib/loop/drain.ts` stands in `loop`. */
export function groundPlan(): Plan {
  return planOf(arrowsOf("lib"), (file) => file.split("/")[1]!);
}

/** `roomOf`: where a file of lib stands. */
export function planOf(
  arrows: readonly Arrow[],
  roomOf: (file: string) => string,
): Plan {
  const plan = new Map<string, Map<string, number>>();
  for (const { from, to } of arrows) {
    const room = roomOf(from);
    const below = plan.get(room) ?? new Map<string, number>();
    plan.set(room, below);
    if (!/^(lib|adapters)\//.test(to) || roomOf(to) === room) continue;
    below.set(roomOf(to), (below.get(roomOf(to)) ?? 0) + 1);
  }
  return plan;
}

/** The first circle that there is, its first member repeated at its end. */
export function circleIn(plan: Plan): string[] | undefined {
  const safe = new Set<string>();
  const visit = (room: string, path: string[]): string[] | undefined => {
    if (path.includes(room)) return [...path.slice(path.indexOf(room)), room];
    if (safe.has(room)) return undefined;
    for (const next of plan.get(room)?.keys() ?? []) {
      const circle = visit(next, [...path, room]);
      if (circle) return circle;
    }
    safe.add(room);
    return undefined;
  };
  for (const room of plan.keys()) {
    const circle = visit(room, []);
    if (circle) return circle;
  }
  return undefined;
}

/** Each room's floor: 1 for one that leads nowhere, else one above the highest that it leads to. No circles. */
export function floorsOf(plan: Plan): Map<string, number> {
  const floors = new Map<string, number>();
  const floorOf = (room: string): number => {
    const known = floors.get(room);
    if (known !== undefined) return known;
    const below = [...(plan.get(room)?.keys() ?? [])].map(floorOf);
    const floor = Math.max(0, ...below) + 1;
    floors.set(room, floor);
    return floor;
  };
  for (const room of plan.keys()) floorOf(room);
  return floors;
}

/** The plan as text, the highest floor first. */
export function draw(plan: Plan): string {
  const floors = floorsOf(plan);
  const rooms = [...plan.keys()].sort(
    (a, b) => floors.get(b)! - floors.get(a)! || a.localeCompare(b),
  );
  const width = Math.max(...rooms.map(({ length }) => length));
  return rooms
    .map((room) => {
      const below = [...plan.get(room)!].sort(
        ([a], [b]) => floors.get(b)! - floors.get(a)! || a.localeCompare(b),
      );
      const arrows = below.map(([to, count]) => `${to} ${count}`).join(", ");
      const floor = String(floors.get(room)).padStart(2);
      return `${floor}  ${room.padEnd(width)}  ${arrows}`.trimEnd();
    })
    .join("\n");
}

function writePlan(plan: string): void {
  const page = join(ROOT, "docs/design.md");
  const text = readFileSync(page, "utf8");
  writeFileSync(
    page,
    text.replace(/(?<=```text\n)[^`]*(?=\n```)/, () => plan),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const plan = draw(groundPlan());
  if (process.argv.includes("--write")) writePlan(plan);
  else console.log(plan);
}
