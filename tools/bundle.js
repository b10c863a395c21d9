/**
 * The last part of `npm run build`: makes of dist/ what is published, in bundle/. That is the same code in a few files,
 * because each file more that Node has to find costs a start some of its time, and without comments, as editors read
 * those in the declarations. Tests run from dist/, which has a package.json of its own: there `eddy` is dist/.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";
import { isModuleNamespaceObject } from "node:util/types";
import { build, transform } from "esbuild";
import { minify } from "oxc-minify";

const IMPORT = /(?:from |import\()"(\.[^"]+)\.(?:ts|js)"/g;
const EXPORT = /^export [^;]*? from "(\.[^"]+)\.(?:ts|js)"/gms;

process.chdir(join(import.meta.dirname, ".."));

const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const files = ["lib", "adapters"].flatMap((folder) =>
  readdirSync(join("dist", folder), { recursive: true })
    .map((file) => join(folder, file))
    .sort(),
);
/** Python, and the page of the status. */
const isAsItIs = (file) =>
  statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
const sources = files.filter((file) => file.endsWith(".js") && !isAsItIs(file));
const read = (file) => readFileSync(join("dist", file), "utf8");

/** Of `exports`, as files below dist/. */
const published = Object.values(manifest.exports)
  .filter((target) => target.startsWith("./bundle/"))
  .map((target) => target.slice("./bundle/".length));

/** What a program is started from, or a thread: by the place of the file that names it. */
const started = sources.flatMap((file) =>
  [...read(file).matchAll(/(?:new URL|register)\("(\.[^"]+\.js)"/g)].map(
    ([, there]) => join(dirname(file), there),
  ),
);

const DIST = join(process.cwd(), "dist");

/**
 * What a program has beside `eddy`, and the engines, which are loaded later. Each of them has a part of it, and is
 * given all of it here, or else it would come in as many files as there are parts. Configuration and threads, and what
 * threads have of it (`lib/adapter.js`), go without.
 */
const beside = [
  ...published.filter(
    (file) => !/^lib\/(index|adapter|cli\/)|\/wait\.js$/.test(file),
  ),
  "lib/engine/node/engine.js",
  "lib/engine/uws/engine.js",
];

/** What a file says of itself: where it was, whichever it stands in now; by which names it hands a package on. */
async function standing(file) {
  const place = `import.meta.url.replace(/(.*)\\/bundle\\/.*/, "$1/bundle/${file}")`;
  const own = read(file)
    .replaceAll(/\bimport\.meta\.url\b/g, () => place)
    .replaceAll("import(__rewriteRelativeImportExtension(", "import(("); // of what is the user's, nothing is rewritten
  const text = beside.includes(file) ? `${own}\nimport "eddy";` : own;
  const [star, from] = /^export \* from "(\w.*)";$/m.exec(text) ?? [];
  if (star === undefined) return text;
  const [all, given] = [await import(join(DIST, file)), await import(from)];
  const names = Object.keys(given).filter((name) => all[name] === given[name]);
  return text.replace(star, `export { ${names.join()} } from "${from}";`);
}

const sourcesOfOurs = {
  name: "sources of ours",
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /\.js$/, namespace: "file" }, async ({ path }) => ({
      contents: await standing(relative(DIST, path)),
    }));
    onResolve({ filter: /^eddy(\/|$)/ }, ({ path }) => {
      const target = manifest.exports[path.replace("eddy", ".")];
      return { path: target.replace("./bundle", DIST) };
    });
  },
};

const require = createRequire(import.meta.url);

/**
 * Packages in CommonJS are required: of one that is imported, Node reads the text first, and finds the names that it
 * exports, which takes a start as long as all else that is read of it.
 */
const commonJs = {
  name: "packages in CommonJS",
  setup({ onLoad, onResolve }) {
    onResolve(
      { filter: /^[@\w]/, namespace: "file" },
      async ({ path, kind }) =>
        kind === "import-statement" && (await isCommonJs(path))
          ? { path, namespace: "required" }
          : undefined,
    );
    onLoad({ filter: /./, namespace: "required" }, async ({ path }) => ({
      contents: `import { createRequire } from "node:module";
        const it = createRequire(import.meta.url)("${path}");
        export default it;
        export const { ${(await namesOf(path)).join()} } = it;`,
    }));
  },
};

const namesOf = async (path) =>
  Object.keys(await import(path)).filter((name) => name !== "default");

/** Of these it does not matter which of two makings a program has: they keep nothing, and make no classes. */
const PLAIN = ["@lukeed/ms"];

/** It has the same whether it is imported or required. */
async function isCommonJs(path) {
  if (isBuiltin(path)) return false;
  if (PLAIN.includes(path)) return true;
  const required = require(path);
  if (isModuleNamespaceObject(required)) return false;
  const imported = await import(path);
  return (await namesOf(path)).every(
    (name) => required[name] === imported[name],
  );
}

const { outputFiles } = await build({
  entryPoints: [
    ...new Set([...published, manifest.bin.eddy.slice(9), ...started]),
  ].map((file) => join("dist", file)),
  outbase: "dist",
  outdir: "bundle",
  bundle: true,
  splitting: true,
  chunkNames: "lib/[hash]",
  format: "esm",
  platform: "node",
  target: "node20.19",
  packages: "external",
  minifySyntax: true,
  write: false,
  plugins: [sourcesOfOurs, commonJs],
});

/** The declarations that the published ones lead to. */
const declared = new Set(published.map((file) => file.replace(/js$/, "d.ts")));
for (const file of declared)
  // which grows meanwhile
  for (const there of importsOf(file, IMPORT)) declared.add(there);

/** Of those, what users import by name: of all else they read no comments. */
const named = new Set(published.map((file) => file.replace(/js$/, "d.ts")));
for (const file of named)
  for (const there of importsOf(file, EXPORT)) named.add(there);

const made = new Set();
for (const { path, text } of outputFiles)
  write(relative(join(process.cwd(), "bundle"), path), await shorter(text));
for (const file of files.filter(isAsItIs)) write(file, read(file));
for (const file of declared) {
  const text = read(file).replaceAll(
    /((?:from |import\()"\.[^"]+)\.ts"/g,
    '$1.js"',
  );
  const shown = named.has(file)
    ? text
    : text.replaceAll(/^ *\/\*\*.*?\*\/\n/gms, "");
  write(file, libraryReferences(text) + shown);
}
for (const file of readdirSync("bundle", {
  recursive: true,
  withFileTypes: true,
})) {
  const path = join(file.parentPath, file.name);
  if (file.isFile() && !made.has(path)) rmSync(path);
}
writeFileSync(
  "dist/package.json",
  JSON.stringify(manifest, null, 2).replaceAll("./bundle/", "./"),
);

/** With the names of functions and classes, which stacks and profiles show, and with lines. */
async function shorter(text) {
  const keepNames = { function: true, class: true };
  const { code, errors } = await minify("module.mjs", text, {
    compress: false,
    mangle: { toplevel: false, keepNames },
  });
  if (errors.length > 0) throw new Error(errors[0].message);
  return (await transform(code, { minifyWhitespace: true, lineLimit: 500 }))
    .code;
}

/** What a declaration is made of that TypeScript 7 does not have unless it is told to, whatever its user's settings. */
function libraryReferences(text) {
  const references = [
    [/"node:|\bBuffer\b|\bNodeJS\./, 'types="node"'],
    [/from "effection"/, 'lib="esnext.disposable"'],
  ];
  return references
    .filter(([pattern]) => pattern.test(text))
    .map(([, what]) => `/// <reference ${what} />\n`)
    .join("");
}

function importsOf(file, pattern) {
  return [...read(file).matchAll(pattern)].map(([, there]) =>
    join(dirname(file), `${there}.d.ts`),
  );
}

function write(file, text) {
  const path = join("bundle", file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  made.add(path);
}
