/** Makes JavaScript of a file of TypeScript or JSX, by SWC. Nothing is kept on the disk. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { compileFunction } from "node:vm";
import type * as SWC from "@swc/core";
import { packageOf } from "./package-of.ts";
import { syntaxError } from "./syntax-error.ts";
import { tsconfigOf } from "./tsconfig.ts";

export interface Compiled {
  readonly format: "commonjs" | "module";
  readonly code: string;
  /** The code's last line, which leads stacks to the lines of the file. */
  readonly map: string;
}

/**
 * Files of a CommonJS package are CommonJS where they import and export, too, as TypeScript has it. One that only a
 * module can be, for an `await` at its top level, is a module.
 *
 * @throws {SyntaxError} with the place and the line.
 */
export function compile(file: string): Compiled {
  const extension = extname(file);
  if (extension === ".cts") return compileAs("commonjs", file);
  if (extension === ".mts" || packageOf(file)?.type === "module")
    return compileAs("module", file);
  const compiled = compileAs("commonjs", file);
  return isCommonJs(compiled.code) ? compiled : compileAs("module", file);
}

/** For `require`, which takes no modules. */
export const compileAsCommonJs = (file: string): Compiled =>
  compileAs("commonjs", file);

function compileAs(format: Compiled["format"], file: string): Compiled {
  const source = readFileSync(file, "utf8");
  const options = optionsOf(format, file);
  const { transformSync } = swc();
  try {
    const { code, map } = transformSync(source, options);
    return { format, code, map: MAP + encoded(map!) };
  } catch (error) {
    throw syntaxError(file, (error as Error).message);
  }
}

const MAP = "\n//# sourceMappingURL=data:application/json;base64,";

/** Without names: Node would call a function by what it calls. */
function encoded(map: string): string {
  const unnamed = { ...(JSON.parse(map) as object), names: [] };
  return Buffer.from(JSON.stringify(unnamed)).toString("base64");
}

const require = createRequire(import.meta.url);

/** Slow to load, and seldom needed. It is an optional dependency. */
function swc(): typeof SWC {
  try {
    return require("@swc/core") as typeof SWC;
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(
      `TypeScript is compiled by @swc/core, which does not load: install it by npm install @swc/core (${message.split("\n")[0]})`,
      { cause },
    );
  }
}

/** Whether the engine takes it for the body of a function, as which Node runs CommonJS. */
function isCommonJs(code: string): boolean {
  try {
    compileFunction(code, [
      "exports",
      "require",
      "module",
      "__filename",
      "__dirname",
    ]);
    return true;
  } catch {
    return false;
  }
}

function optionsOf(format: Compiled["format"], file: string): SWC.Options {
  const { options } = tsconfigOf(file);
  const { experimentalDecorators: legacyDecorator = false } = options;
  return {
    filename: file,
    sourceFileName: file,
    sourceMaps: true,
    inlineSourcesContent: false,
    configFile: false,
    swcrc: false,
    isModule: true,
    module:
      format === "module"
        ? { type: "nodenext" }
        : {
            type: "commonjs",
            ignoreDynamic: true,
            exportInteropAnnotation: true, // from which Node knows the names
          },
    jsc: {
      target: "es2022",
      keepClassNames: true,
      parser: {
        syntax: "typescript",
        decorators: true,
        tsx: file.endsWith("x"),
      },
      experimental: { keepImportAttributes: true },
      transform: {
        ...(legacyDecorator
          ? {
              legacyDecorator,
              decoratorMetadata: options.emitDecoratorMetadata === true,
            }
          : { decoratorVersion: "2023-11" }),
        useDefineForClassFields:
          options.useDefineForClassFields ?? !isOld(options.target),
        verbatimModuleSyntax: options.verbatimModuleSyntax === true,
        react: jsxOf(options),
      },
    },
  };
}

/** From ES2022 on, fields are what the language has. */
const isOld = (target: string | undefined): boolean =>
  /^es([356]|20(1\d|2[01]))$/i.test(target ?? "");

function jsxOf(
  options: ReturnType<typeof tsconfigOf>["options"],
): SWC.ReactConfig {
  const { jsx, jsxFactory, jsxFragmentFactory, jsxImportSource } = options;
  const automatic = jsx === "react-jsx" || jsx === "react-jsxdev";
  return automatic
    ? {
        runtime: "automatic",
        development: jsx === "react-jsxdev",
        importSource: jsxImportSource ?? "react",
      }
    : {
        runtime: "classic",
        pragma: jsxFactory ?? "React.createElement",
        pragmaFrag: jsxFragmentFactory ?? "React.Fragment",
      };
}
