/** The pages of docs/, the README, and the API from its docstrings, as a site that is searched without a server. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";

const ROOT = join(import.meta.dirname, "../../..");

/** By what somebody looks for. A page that is in none of them is under the last. */
const CHAPTERS = {
  "First steps": [
    "tour",
    "coming-from",
    "requests",
    "routing",
    "streams",
    "tasks",
    "testing",
  ],
  Applications: [
    "wsgi",
    "threads",
    "python",
    "fetch",
    "node",
    "http",
    "uwsgi",
    "files",
  ],
  "Long connections": ["events", "websocket"],
  Operating: [
    "command",
    "settings",
    "operations",
    "doctor",
    "traces",
    "tls",
    "errors",
    "load-testing",
  ],
  "More about it": ["middleware", "engines", "policy", "design"],
};

const titleOf = (page) =>
  /^# (.+)/m
    .exec(readFileSync(join(ROOT, `docs/${page}.md`), "utf8"))[1]
    .replaceAll("`", "");

function guide() {
  const listed = new Set(Object.values(CHAPTERS).flat());
  const others = readdirSync(join(ROOT, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => file.slice(0, -3))
    .filter((page) => !listed.has(page));
  const last = Object.keys(CHAPTERS).at(-1);
  return Object.entries(CHAPTERS).map(([text, pages]) => ({
    text,
    items: (text === last ? [...pages, ...others] : pages).map((page) => ({
      text: titleOf(page),
      link: `/docs/${page}`,
    })),
  }));
}

const api = JSON.parse(
  readFileSync(new URL("../api/typedoc-sidebar.json", import.meta.url), "utf8"),
);

/** Samples are files of the site as they are; a folder's page is `index`. */
function place(href) {
  if (/^(?:\.\.?\/)*samples\b/.test(href))
    return `/${href.replace(/^(?:\.\.?\/)+/, "").replace(/(samples\/deploy|samples)\/?$/, "$1/index.html")}`;
  return href.replace(/\bREADME\.md/, "index.md");
}

export default defineConfig({
  title: "eddy",
  description: "One event loop, one port, many kinds of application.",
  srcDir: "../..",
  outDir: "dist",
  cacheDir: ".vitepress/cache",
  srcExclude: [
    "**/node_modules/**",
    "dist/**",
    "bundle/**",
    "samples/**",
    "tools/site/dist/**",
  ],
  rewrites(id) {
    return id
      .replace(/^tools\/site\/api\//, "api/")
      .replace(/README\.md$/, "index.md");
  },
  cleanUrls: true,
  ignoreDeadLinks: [/^\/samples\//, /^https?:\/\/localhost/],
  markdown: {
    config(markdown) {
      markdown.core.ruler.push("place", ({ tokens }) => {
        for (const { children } of tokens)
          for (const token of children ?? [])
            if (token.type === "link_open") {
              const href = token.attrGet("href");
              const placed = place(href);
              token.attrSet("href", placed);
              if (placed.startsWith("/samples/"))
                token.attrSet("target", "_self"); // none of its pages
            }
      });
    },
  },
  // Its pages are in the folders above, where no Vue is.
  vite: {
    resolve: {
      alias: { vue: join(import.meta.dirname, "../node_modules/vue") },
    },
  },
  themeConfig: {
    search: { provider: "local" },
    nav: [
      { text: "Guide", link: "/docs/requests" },
      { text: "API", link: "/api/" },
      { text: "Changes", link: "/CHANGELOG" },
    ],
    sidebar: { "/api/": api, "/": guide() },
    outline: [2, 3],
  },
  buildEnd({ outDir }) {
    cpSync(join(ROOT, "samples"), join(outDir, "samples"), { recursive: true });
    for (const folder of ["samples", "samples/deploy"]) {
      const entries = readdirSync(join(ROOT, folder)).map(
        (name) => `<li><a href="/${folder}/${name}">${name}</a>`,
      );
      writeFileSync(
        join(outDir, folder, "index.html"),
        `<!doctype html><title>${folder}</title><ul>${entries.join("")}</ul>`,
      );
    }
  },
});
