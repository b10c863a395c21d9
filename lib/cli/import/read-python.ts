/** Reads config files of Python without running them: Python itself says which names have which literals. */
import { execFileSync } from "node:child_process";
import type { ForeignOption } from "./rules.ts";

/** A name that is not bound to a literal, or only on a condition, has a reason in place of a value. */
const PROGRAM = `
import ast, json, sys

source = sys.stdin.buffer.read()
lines = source.decode("utf-8", "replace").splitlines()

def bound(node):
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]

def is_plain(node):
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return bool(targets) and all(isinstance(one, ast.Name) for one in targets)

def tell(name, node, **more):
    written = lines[node.lineno - 1].strip()
    print(json.dumps({"name": name, "line": node.lineno, "written": written, **more}, allow_nan=False))

def computed(name, node):
    tell(name, node, value=None, unread="it is computed when %s starts" % sys.argv[1])

def literal(name, node):
    try:
        tell(name, node, value=ast.literal_eval(node.value))
    except (ValueError, TypeError):
        computed(name, node)

try:
    tree = ast.parse(source)
except (SyntaxError, ValueError) as error:
    sys.exit("line %s: %s" % (getattr(error, "lineno", "?"), error))
for node in tree.body:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        computed(node.name, node)
    elif is_plain(node):
        for name in bound(node):
            literal(name, node)
    elif not isinstance(node, ast.ClassDef):
        for inner in ast.walk(node):
            if isinstance(inner, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                for name in bound(inner):
                    computed(name, inner)
`;

/**
 * @param python any interpreter from 3.8 up.
 * @param server whose file it is.
 * @throws {Error} saying what is wrong with the file, or that there is no Python.
 */
export function readPython(
  source: string,
  python: string,
  server: string,
): ForeignOption[] {
  return run(python, server, source)
    .split("\n")
    .filter(Boolean)
    .map((line) => ({
      ...(JSON.parse(line) as ForeignOption),
      harmless: `no setting of ${server}'s`,
    }));
}

interface Failed extends Error {
  readonly code?: string;
  readonly stderr?: string;
}

function run(python: string, server: string, input: string): string {
  try {
    return execFileSync(python, ["-I", "-c", PROGRAM, server], {
      input,
      encoding: "utf8",
      stdio: "pipe",
    });
  } catch (cause) {
    const { code, stderr, message } = cause as Failed;
    if (code === "ENOENT")
      throw new Error(
        `it takes Python 3.8 or later to read it, and there is no ${python}; name one by --python`,
        { cause },
      );
    throw new Error(stderr?.trim() || message, { cause });
  }
}
