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
  const source = readFileSync(file, "utf8").replace(/^\uFEFF?#!.*/, ""); // Node runs it within other text
  const options = optionsOf(format, file);
  const { transformSync } = swc();
  try {
    const { code, map } = transformSync(source, options);
    return { format, code, map: commentOf(map!) };
  } catch (error) {
    throw syntaxError(file, (error as Error).message);
  }
}

/** Without names: Node would call a function by what it calls. */
function commentOf(map: string): string {
  const text = JSON.stringify({ ...JSON.parse(map), names: [] });
  const data = Buffer.from(text).toString("base64");
  return `\n//# sourceMappingURL=data:application/json;base64,${data}`;
}

const require = createRequire(import.meta.url);

/** Slow to load, and seldom needed. It is an optional dependency. */
function swc(): typeof SWC {
  try {
    return require("@swc/core") as typeof SWC;
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(
      `TypeScript takes @swc/core, which does not load; npm install @swc/core may help: ${message}`,
      { cause },
    );
  }
}

/** As Node runs it: as the body of a function. */
function isCommonJs(code: string): boolean {
  try {
    compileFunction(code, PARAMETERS);
    return true;
  } catch {
    return false;
  }
}

const PARAMETERS = "exports require module __filename __dirname".split(" ");

function optionsOf(format: Compiled["format"], file: string): SWC.Options {
  const { options } = tsconfigOf(file);
  const { jsx = "react", target = "" } = options;
  return {
    filename: file,
    sourceFileName: file,
    sourceMaps: true,
    inlineSourcesContent: false,
    configFile: false,
    swcrc: false,
    module:
      format === "module"
        ? { type: "nodenext" }
        : {
            type: "commonjs",
            ignoreDynamic: true,
            exportInteropAnnotation: true, // from which Node knows the names
          },
    jsc: {
      target: "es2022", // all of which Node has, and what is newer is made of it
      parser: {
        syntax: "typescript",
        decorators: true,
        tsx: file.endsWith("x"),
      },
      experimental: { keepImportAttributes: true },
      transform: {
        decoratorVersion: options.experimentalDecorators
          ? "2021-12"
          : "2023-11",
        legacyDecorator: options.experimentalDecorators,
        decoratorMetadata: options.emitDecoratorMetadata,
        useDefineForClassFields:
          options.useDefineForClassFields ?? !OLD.test(target),
        verbatimModuleSyntax: options.verbatimModuleSyntax,
        react: {
          runtime: jsx.startsWith("react-jsx") ? "automatic" : "classic",
          development: jsx === "react-jsxdev",
          importSource: options.jsxImportSource,
          pragma: options.jsxFactory,
          pragmaFrag: options.jsxFragmentFactory,
        } as SWC.ReactConfig,
      } as SWC.TransformConfig, // what is undefined counts as left out
    },
  };
}

/** Before classes had fields: then they were assigned. */
const OLD = /^es([356]|20(1\d|2[01]))$/i;
