/** Modules by the names that programs import them by: a plugin of TypeDoc. */
import { readFileSync } from "node:fs";
import { Converter } from "typedoc";

const { exports } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
);

/** By the places of their sources. */
const NAMES = new Map(
  Object.entries(exports).map(([name, target]) => [
    target.replace(/^.*?\/(?=lib\/|adapters\/)/, "").replace(/\.js$/, ""),
    name.replace(/^\./, "eddy"),
  ]),
);

const nameOf = (source) => NAMES.get(/(?:lib|adapters)\/[^.]+/.exec(source)[0]);

export function load({ converter }) {
  converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children)
      module.name = nameOf(project.files.getReflectionPath(module));
  });
}
