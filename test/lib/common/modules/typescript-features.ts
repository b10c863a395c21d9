/**
 * Programs of one feature of TypeScript each, and what tsx 4.23.15 has them print (with esbuild 0.28.2, on Node.js
 * 20.20). What a program goes on with after its import is its export `done`.
 */

export interface Feature {
  readonly name: string;
  /** By their names. The one whose name begins with `app` is what runs. */
  readonly files: Readonly<Record<string, string>>;
  /** Of `tsconfig.json`. */
  readonly options?: object;
  /** Of `package.json`. Both, unless it is said. */
  readonly type?: "module" | "commonjs";
  readonly packages?: readonly string[];
  readonly prints: string;
}

export const FEATURES: readonly Feature[] = [
  {
    name: "types alone",
    files: {
      "app.ts": `
    interface A { readonly a: string }
    type B<T> = { [K in keyof T]: T[K] };
    abstract class C<T> { declare only: T; protected constructor(private readonly x: T) {} get() { return this.x } }
    class D extends C<number> { constructor() { super(4) } override get() { return super.get()! } }
    const a: B<A> = <A>{ a: "a" };
    console.log(a.a as string, new D().get(), Object.keys(new D()))`,
    },
    prints: "a 4 [ 'x' ]\n",
  },
  {
    name: "satisfies, const type parameters, non-null",
    files: {
      "app.ts": `
    const a = { x: 1 } satisfies Record<string, number>;
    const f = <const T>(t: T) => t;
    console.log(f([a.x])[0]!)`,
    },
    prints: "1\n",
  },
  {
    name: "enums",
    files: {
      "app.ts": `
    enum Direction { Up, Down = 5, Left, Text = "text", Sum = Up + Down, Size = "abc".length }
    const enum Small { A = "a", B = 1 << 3 }
    declare enum Nowhere { A }
    export enum Out { X = Direction.Down }
    console.log(JSON.stringify(Direction), Small.A, Small.B, Direction[5], Out.X)`,
    },
    prints:
      '{"0":"Up","3":"Size","5":"Sum","6":"Left","Up":0,"Down":5,"Left":6,"Text":"text","Sum":5,"Size":3} a 8 Sum 5\n',
  },
  {
    name: "enums of another file",
    files: {
      "other.ts": "export enum A { X = 'x' } export const enum B { Y = 3 }",
      "app.ts": "import { A, B } from './other.js'; console.log(A.X, B.Y)",
    },
    prints: "x 3\n",
  },
  {
    name: "namespaces",
    files: {
      "app.ts": `
    namespace A { export const x = 1; export namespace B { export function f() { return x + 1 } } }
    namespace A { export const y = x + 10 }
    function Fn() { return "fn" } namespace Fn { export const of = "function" }
    namespace Types { export type T = string }
    declare namespace None { const z: number }
    console.log(A.x, A.B.f(), A.y, Fn(), Fn.of)`,
    },
    prints: "1 2 11 fn function\n",
  },
  {
    name: "parameter properties",
    options: { useDefineForClassFields: false },
    files: {
      "app.ts": `
    class A { y = this.x + 1; constructor(public x: number, private readonly z = 5, protected w?: string) {} }
    console.log(JSON.stringify(new A(2)), Object.keys(new A(1)))`,
    },
    prints: "{\"x\":2,\"z\":5,\"y\":3} [ 'x', 'z', 'w', 'y' ]\n",
  },
  {
    name: "fields as the language has them",
    files: {
      "app.ts": `
    class A { x = "a"; constructor() { this.set() } set() {} }
    class B extends A { y; override set() { (this as any).y = "set" } }
    console.log(JSON.stringify(new B()), "y" in new B())`,
    },
    prints: '{"x":"a"} true\n',
  },
  {
    name: "fields as TypeScript had them",
    options: { target: "ES2020" },
    files: {
      "app.ts": `
    class A { x = "a"; constructor() { this.set() } set() {} }
    class B extends A { y: any; override set() { this.y = "set" } }
    console.log(JSON.stringify(new B()))`,
    },
    prints: '{"x":"a","y":"set"}\n',
  },
  {
    name: "overloads, this, assertions, unique symbols",
    files: {
      "app.ts": `
    function f(this: void, a: string): string; function f(a: number): number; function f(a: any) { return a }
    function assert(x: unknown): asserts x is string {}
    declare const s: unique symbol;
    export type { }; assert(1); console.log(f("x"), f(1))`,
    },
    prints: "x 1\n",
  },
  {
    name: "standard decorators of every kind",
    files: {
      "app.ts": `
  const log: string[] = [];
  function seen(target: any, context: any) { log.push("seen " + (context?.kind ?? String(context))); }

    const initial = (value: any, context: any) => function (this: any, x: any) { return x + 1 };
    const twice = (method: any, context: any) => function (this: any) { return method.call(this) * 2 };
    @seen class A {
      @seen @twice m() { return this.x }
      @initial x = 1;
      @initial accessor2 = 5;
      @seen get g() { return 1 }
      @seen set g(v) {}
      @seen static s() {}
      @initial static #p = 3;
      static p() { return A.#p }
      @seen #q() {}
    }
    console.log(new A().m(), new A().x, new A().accessor2, A.p(), log.join())`,
    },
    prints:
      "4 2 6 4 seen method,seen method,seen getter,seen setter,seen method,seen class\n",
  },
  {
    name: "standard decorators: replaced classes, initializers, names, access",
    files: {
      "app.ts": `
    const replaced = (value: any, context: ClassDecoratorContext) => class extends value { extra = context.name };
    function bound(value: any, context: ClassMethodDecoratorContext) {
      context.addInitializer(function (this: any) { this[context.name] = value.bind(this) });
    }
    let access: any;
    const grab = (value: any, context: any) => { access = context.access };
    @replaced class A { name = "a"; @bound hi() { return this.name } @grab field = "f" }
    const { hi } = new A();
    console.log(hi(), (new A() as any).extra, access.get(new A()), access.has(new A()))`,
    },
    prints: "a A f true\n",
  },
  {
    name: "standard decorators on accessors",
    files: {
      "app.ts": `
    const doubled = ({ get, set }: any, context: any) => ({
      get(this: any) { return get.call(this) * 2 }, set(this: any, v: any) { set.call(this, v + 1) }, init: (v: number) => v + 100 });
    class A { @doubled accessor x = 1; @doubled static accessor y = 2 }
    const a = new A(); const first = a.x; a.x = 3;
    console.log(first, a.x, A.y)`,
    },
    prints: "202 8 204\n",
  },
  {
    name: "standard decorators: order and metadata",
    files: {
      "app.ts": `
    (Symbol as any).metadata ??= Symbol.for("Symbol.metadata");
    const order: string[] = [];
    const d = (name: string) => { order.push("eval " + name); return (v: any, c: any) => { order.push("call " + name); if (c.metadata) c.metadata[name] = c.kind } };
    @d("class") class A { @d("field") x = 1; @d("method") m() {} @d("static") static s = 1 }
    console.log(order.join(), JSON.stringify((A as any)[Symbol.metadata as any]))`,
    },
    prints:
      'eval class,eval field,eval method,eval static,call method,call static,call field,call class {"method":"method","static":"field","field":"field","class":"class"}\n',
  },
  {
    name: "accessor",
    files: {
      "app.ts": `
    class A { accessor x = 1; static accessor y = "s"; accessor #z = 2; get z() { return this.#z } }
    const a = new A(); a.x++; console.log(a.x, A.y, a.z, Object.keys(a))`,
    },
    prints: "2 s 2 []\n",
  },
  {
    name: "legacy decorators",
    options: { experimentalDecorators: true },
    files: {
      "app.ts": `
  const log: string[] = [];
  function seen(target: any, context: any) { log.push("seen " + (context?.kind ?? String(context))); }

    const named = (name: string) => (target: any, key: string, descriptor?: any) => { log.push([name, key, typeof descriptor].join()) };
    const param = (target: any, key: any, index: number) => { log.push(["param", String(key), index].join()) };
    const cls = (target: any) => class extends target { extra = 1 } as any;
    @cls class A {
      @named("field") x = 1;
      @named("method") m(@param a: string) {}
      @named("static") static s() {}
      @named("get") get g() { return 1 }
      constructor(@param y?: number) {}
    }
    console.log(log.join(" "), (new A() as any).extra)`,
    }, // in the order of the members; tsx, and tsc, have the static ones last
    prints:
      "field,x,undefined param,m,0 method,m,object static,s,object get,g,object param,undefined,0 1\n",
  },
  {
    name: "metadata of legacy decorators",
    options: { experimentalDecorators: true, emitDecoratorMetadata: true },
    packages: ["reflect-metadata"],
    files: {
      "app.ts": `
    import "reflect-metadata";
    class Service {}
    interface Shape { a: string }
    const d: any = (...args: any[]) => {};
    @d class A {
      @d field: string | undefined; @d count!: number;
      @d when?: Date; @d shape?: Shape; @d list: string[] = [];
      constructor(private service: Service, n: number, any: any) {}
      @d method(a: boolean, b: Service): Promise<void> { return null! }
    }
    const names = (types: any) => [types].flat().map((t: any) => t?.name);
    const { prototype } = A as any;
    console.log(
      names(Reflect.getMetadata("design:paramtypes", A)),
      names(Reflect.getMetadata("design:type", prototype, "count")),
      names(Reflect.getMetadata("design:type", prototype, "when")),
      names(Reflect.getMetadata("design:type", prototype, "shape")),
      names(Reflect.getMetadata("design:type", prototype, "list")),
      names(Reflect.getMetadata("design:paramtypes", prototype, "method")),
      names(Reflect.getMetadata("design:returntype", prototype, "method")))`,
    }, // as tsc; esbuild, and so tsx, makes none
    prints:
      "[ 'Service', 'Number', 'Object' ] [ 'Number' ] [ 'Date' ] [ 'Object' ] [ 'Array' ] [ 'Boolean', 'Service' ] [ 'Promise' ]\n",
  },
  {
    name: "JSX, classic",
    files: {
      "app.tsx": `
      const React = { createElement: (...args: any[]) => args, Fragment: "fragment" };
      const B = "b";
      console.log(JSON.stringify(<a href="x" {...{ y: 1 }}>text {B}<B c>{...[1, 2]}</B><></></a>))`,
    },
    prints:
      '["a",{"href":"x","y":1},"text ","b",["b",{"c":true},1,2],["fragment",null]]\n',
  },
  {
    name: "JSX with a factory of its own",
    options: { jsx: "react", jsxFactory: "h", jsxFragmentFactory: "F" },
    files: {
      "app.tsx": `
      const h = (...args: any[]) => args, F = "f";
      const generic = <T,>(t: T) => t;
      console.log(JSON.stringify(<a b="c"><>{generic(1)}</></a>))`,
    },
    prints: '["a",{"b":"c"},["f",null,1]]\n',
  },
  {
    name: "JSX, automatic",
    options: { jsx: "react-jsx", jsxImportSource: "views" },
    files: {
      "node_modules/views/package.json":
        '{ "type": "module", "exports": { "./jsx-runtime": "./jsx.js" } }',
      "node_modules/views/jsx.js":
        "export const jsx = (...a) => a, jsxs = (...a) => ['s', ...a], Fragment = 'f'",
      "app.tsx":
        'console.log(JSON.stringify(<a b="c" key="k"><i/><>{1}</></a>))',
    },
    prints:
      '["s","a",{"b":"c","children":[["i",{}],["f",{"children":1}]]},"k"]\n',
  },
  {
    name: "paths",
    options: {
      paths: {
        "@/*": ["./src/*"],
        one: ["./src/one.ts"],
        "two/*": ["./none/*", "./src/*"],
      },
    },
    files: {
      "src/one.ts": "export const one: number = 1;",
      "src/deep/index.ts":
        'import { one } from "@/one"; export const deep = one + 1;',
      "app.ts":
        'import { one } from "@/one"; import { one as again } from "one"; import { deep } from "@/deep"; import { one as js } from "@/one.js"; import { one as two } from "two/one"; console.log(one, again, deep, js, two)',
    },
    prints: "1 1 2 1 1\n",
  },
  {
    name: "baseUrl, in a tsconfig that another extends",
    files: {
      "base.json":
        '{ /* comment */ "compilerOptions": { "baseUrl": "./src", "experimentalDecorators": true, } }',
      "tsconfig.json": '{ "extends": "./base.json" }',
      "src/one.ts": "export const one = 1;",
      "app.ts":
        'import { one } from "one"; const d = (t: any, key: string) => console.log(typeof key); class A { @d x = 1 } console.log(one)',
    },
    prints: "string\n1\n",
  },
  {
    name: ".js that means .ts",
    files: {
      "a.ts": "export const a: string = 'a'",
      "b.mts": "export const b: string = 'b'",
      "c.tsx": "export const c: string = 'c'",
      "d/index.ts": "export const d: string = 'd'",
      "both.ts": "export const both: string = 'ts'",
      "both.js": "export const both = 'js'",
      "app.ts":
        'import { a } from "./a.js"; import { c } from "./c.js"; import { d } from "./d/index.js"; import { both } from "./both.js"; console.log(a, c, d, both)',
    },
    prints: "a c d ts\n",
  },
  {
    name: "what imports leave out",
    files: {
      "a.ts": "export const a: string = 'a'",
      "d/index.ts": "export const d: string = 'd'",
      "x.config.ts": "export const x: string = 'x'",
      "app.ts":
        'import { a } from "./a"; import { d } from "./d"; import { x } from "./x.config"; console.log(a, d, x)',
    },
    prints: "a d x\n",
  },
  {
    name: ".mjs and .cjs that mean .mts and .cts",
    type: "module",
    files: {
      "m.mts": "export const m: string = 'm'",
      "c.cts": "export const c: string = 'c'; export default 'd'",
      "app.ts":
        'import { m } from "./m.mjs"; import { c } from "./c.cjs"; console.log(m, c)',
    },
    prints: "m c\n",
  },
  {
    name: "imports of package.json",
    files: {
      "x.ts": "export const x: string = 'x'",
      "app.ts":
        'import { x } from "#x"; import { x as y } from "#y/x.js"; console.log(x, y)',
    },
    prints: "x x\n",
  },
  {
    name: "export =, import x = require()",
    type: "commonjs",
    files: {
      "a.ts":
        "class A { static x = 1 } namespace A { export const y = 2 } export = A;",
      "app.ts":
        'import A = require("./a"); import path = require("node:path"); import B from "./a"; console.log(A.x, A.y, path.sep, A === B)',
    },
    prints: "1 2 / true\n",
  },
  {
    name: "CommonJS packages",
    files: {
      "node_modules/plain/index.js": "exports.a = 1; exports.b = () => 2;",
      "node_modules/whole/index.js":
        "module.exports = function whole() { return 'whole' }; module.exports.part = 'part';",
      "node_modules/json/package.json": '{ "main": "./data.json" }',
      "node_modules/json/data.json": '{ "x": 1 }',
      "app.ts":
        'import { a, b } from "plain"; import * as plain from "plain"; import whole, { part } from "whole"; console.log(a, b(), plain.a, whole(), part)',
    },
    prints: "1 2 1 whole part\n",
  },
  {
    name: "packages of modules",
    files: {
      "node_modules/esm/package.json":
        '{ "type": "module", "exports": "./index.js" }',
      "node_modules/esm/index.js": "export const a = 1; export default 'd'",
      "app.ts":
        'import d, { a } from "esm"; import * as all from "esm"; console.log(d, a, Object.keys(all).includes("a"))',
    },
    prints: "d 1 true\n",
  },
  {
    name: "transpiled packages and their defaults",
    type: "commonjs",
    files: {
      "node_modules/old/index.js":
        "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 'd'; exports.a = 1;",
      "app.ts": 'import d, { a } from "old"; console.log(d, a)',
    },
    prints: "d 1\n",
  },
  {
    name: "top-level await",
    type: "module",
    files: {
      "app.ts":
        "export {}; const a: number = await Promise.resolve(1); for await (const x of [2]) console.log(a, x)",
    },
    prints: "1 2\n",
  },
  {
    name: "using, await using",
    files: {
      "app.ts": `
    class R implements Disposable, AsyncDisposable {
      constructor(readonly name: string) {}
      [Symbol.dispose]() { console.log("end", this.name) }
      async [Symbol.asyncDispose]() { console.log("async end", this.name) }
    }
    async function main() {
      using a = new R("a"); await using b = new R("b");
      for (using c of [new R("c")]) console.log(c.name);
      try { using d = new R("d"); throw new Error("x") } catch (e) { console.log((e as Error).message) }
    }
    export const done = main()`,
    },
    prints: "c\nend c\nend d\nx\nasync end b\nend a\n",
  },
  {
    name: "JSON",
    files: {
      "x.json": '{ "a": 1 }',
      "app.ts":
        'import x from "./x.json"; import y from "./x.json" with { type: "json" }; console.log(x, y)',
    },
    prints: "{ a: 1 } { a: 1 }\n",
  },
  {
    name: "imports that are types alone",
    files: {
      "types.ts":
        "export interface A { a: string } export type B = string; export const v: B = 'v'; console.log('loaded types')",
      "only.ts": "console.log('never'); export type C = 1",
      "app.ts":
        'import type { A } from "./types.js"; import { type B, v } from "./types.js"; import { C } from "./only.js"; import { A as D } from "./types.js"; export type { A, C, D, B }; const d: D & A = { a: v }; console.log(d.a)',
    },
    prints: "loaded types\nv\n",
  },
  {
    name: "imports that stay, as verbatimModuleSyntax says",
    type: "module",
    options: { verbatimModuleSyntax: true },
    files: {
      "side.ts": "console.log('side'); export const x = 1",
      "app.ts":
        'import { x } from "./side.js"; import {} from "./side.js"; console.log("app")',
    },
    prints: "side\napp\n",
  },
  {
    name: "dynamic imports, in a circle, and what is exported again",
    files: {
      "a.ts":
        'import { b } from "./b.js"; export const a = () => b(); export const name: string = "a"',
      "b.ts":
        'import { name } from "./a.js"; export const b = () => "b of " + name; export * from "./c.js"; export { c as d, default as e } from "./c.js"; export * as f from "./c.js"',
      "c.ts": "export const c: string = 'c'; export default 'default'",
      "app.ts":
        'import { a } from "./a.js"; import * as b from "./b.js"; console.log(a(), b.c, b.d, b.e, b.f.c); export const done = import("./c.js").then((c) => console.log(c.c))',
    },
    prints: "b of a c c default c\nc\n",
  },
  {
    name: "modules that import what CommonJS exports by *",
    files: {
      "a.cts": `
    export * from "./b.cjs"; export * from "./d.cjs"; export * from "plain"; export * from "./plain.cjs"; export const a: string = "a"`,
      "b.cts": `
    export * from "./c.cjs"; export * from "./a.cjs"; export default "none"; export const b: string = "b", é = "é"; export { b as "b-b" }`,
      "c.cts": 'export * from "plain"; export enum C { c = "c" }',
      "d.cts": "export const ü = 'ü'",
      "plain.cjs": "exports.own = 'own';",
      "node_modules/plain/index.js": "exports.plain = 'plain';",
      "app.mts":
        'import * as all from "./a.cjs"; import { a, b, C, é, ü, own, plain, "b-b" as bb } from "./a.cjs"; console.log(a, b, C.c, é, ü, own, plain, bb, all.default.a)',
    },
    prints: "a b c é ü own plain b a\n",
  },
  {
    name: "__dirname, require, module, import.meta in CommonJS",
    type: "commonjs",
    files: {
      "app.ts": `
    import { sep } from "node:path";
    console.log(typeof __dirname, __filename.endsWith(sep + "app.ts"), typeof require("node:fs").readFileSync, typeof module.exports, require.resolve("./app.ts") === __filename, import.meta.url.slice(0, 5))`,
    },
    prints: "string true function object true file:\n",
  },
  {
    name: "import.meta in modules",
    type: "module",
    files: {
      "app.ts":
        'console.log(import.meta.url.split("/").at(-1), import.meta.filename.endsWith("app.ts"), typeof import.meta.resolve, typeof require, typeof __dirname)',
    },
    prints: "app.ts true function undefined undefined\n",
  },
  {
    name: "live bindings",
    files: {
      "count.ts":
        "export let count: number = 0; export const up = (): void => void count++",
      "app.ts":
        'import { count, up } from "./count.js"; up(); up(); console.log(count)',
    },
    prints: "2\n",
  },
  {
    name: "names of functions and classes",
    files: {
      "app.ts": `
    const f = () => {}; const A = class {}; class B { static x = B.name } export default class {}
    console.log(f.name, A.name, B.name, B.x)`,
    },
    prints: "f A B B\n",
  },
  {
    name: "stacks with the lines of the file",
    files: {
      "app.ts": `
    interface Long {
      a: string;
    }
    enum E { A = 1 }
    function fails(): never {
      throw new Error("x");
    }
    try { fails() } catch (error) { console.log((error as Error).stack!.split("\\n").slice(0, 2).join().replace(/\\(.*\\//, "(")) }`,
    },
    prints: "Error: x,    at fails (app.ts:7:13)\n",
  },
  {
    name: "a line for the shell",
    files: {
      "app.ts": `#!/usr/bin/env node
export const one: number = 1;
console.log(one)`,
    },
    prints: "1\n",
  },
];
