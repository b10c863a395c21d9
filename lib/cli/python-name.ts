/** Applications of Python without `python:` in front, as Gunicorn, uvicorn, Flask and uWSGI take them. */
import { statSync } from "node:fs";
import { join } from "node:path";

/**
 * `hello.py`, `app.wsgi`, `hello:app`, `site.wsgi:make(x=2)`: a file of Python, or a module that is here.
 *
 * @param folders where modules are, beside the working directory.
 */
export function isPython(
  written: string,
  folders: readonly string[] = [],
): boolean {
  const [, where = "", name = ""] = NAMED.exec(written) ?? [];
  if (isFile(where)) return /\.(py|wsgi)$/.test(where);
  if (!isModuleName(where) || isFile(name)) return false; // as of `wsgi:app`, which may mean a file of JavaScript
  const path = where.replaceAll(".", "/");
  return ["", ...folders].some(
    (folder) =>
      isFile(join(folder, `${path}.py`)) ||
      isFile(join(folder, path, "__init__.py")),
  );
}

const NAMED = /^([^:]+)(?::([\p{L}_][\p{L}\p{N}_.]*)(?:\(.*\))?)?$/su;

export const isModuleName = (name: string): boolean =>
  /^[\p{L}_][\p{L}\p{N}_.]*$/u.test(name) && !/\.[cm]?[jt]sx?$/.test(name);

const isFile = (path: string): boolean =>
  path !== "" && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
