/**
 * The page that shows the status: three files as they are, for whoever serves them. It asks for `events` beside it, of
 * which each is a `Picture`, and sends orders to `tasks/ID/halt`.
 */
import { readFileSync } from "node:fs";
import type { LoopTasks } from "../loop/loop.ts";

/** What the page shows. */
export interface Picture {
  /** Of the command, or of a program that is its own only worker. */
  readonly status: object;
  /** The oldest of each worker; `answers: false` for one that is stuck. */
  readonly tasks: readonly (
    | ({ pid: number } & Pick<LoopTasks, "exchanges" | "sockets">)
    | { pid: number; answers: false }
  )[];
  /** It takes orders from whoever looks at it. */
  readonly orders: boolean;
}

/** How many tasks of a worker are shown. */
export const OLDEST = 10;

/** Between two pictures. */
export const PICTURE_MS = 1000;

/** Nothing of another host, nothing that is written into the page, and nobody puts it into a frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const TYPES = {
  "index.html": "text/html; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
} as const;

export type PageFile = keyof typeof TYPES;

export const PAGE_FILES = Object.keys(TYPES) as PageFile[];

/** One of its files, and its header fields. */
export function pageFile(name: PageFile): {
  headers: Record<string, string>;
  body: string;
} {
  return {
    headers: {
      "content-type": TYPES[name],
      "content-security-policy": POLICY,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store", // another version may stand behind the same address soon
      vary: "accept",
    },
    body: readFileSync(new URL(`./page/${name}`, import.meta.url), "utf8"),
  };
}

/** Whoever asks is a browser, in which somebody has typed the address. */
export const wantsPage = (accept: string | undefined): boolean =>
  accept?.includes("text/html") === true;
