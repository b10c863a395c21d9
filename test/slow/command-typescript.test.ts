/** The command, with applications in TypeScript. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";

/** A decorator of the language, and one as TypeScript had them. */
const ROUTES = `
  export const routes = new Map<string, string>();
  export function get(path: string) {
    return (method: () => string, { name, kind }: ClassMethodDecoratorContext): void =>
      void routes.set(path, \`\${kind} \${String(name)}: \${method()}\`);
  }`;

const APP = `
  import { routes } from "./routes.js";
  import "./pages.js";
  export default ({ path }: { path: string }): string => routes.get(path) ?? "none";`;

const PAGES = `
  import { get } from "./routes.js";
  class Pages { @get("/hello") hello(): string { return "Hello" } }`;

const NEST = {
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      target: "ES2021",
    },
  }),
  "greeter.ts": `
    import { Injectable } from "@nestjs/common";
    @Injectable() export class Greeter { greet(name: string): string { return \`Hello, \${name}\` } }`,
  "app.ts": `
    import "reflect-metadata";
    import { Controller, Get, Module, Param } from "@nestjs/common";
    import { NestFactory } from "@nestjs/core";
    import { Greeter } from "./greeter";
    @Controller() class Pages {
      constructor(private readonly greeter: Greeter) {}
      @Get("/hello/:name") hello(@Param("name") name: string): string { return this.greeter.greet(name) }
    }
    @Module({ controllers: [Pages], providers: [Greeter] }) class App {}
    export default await NestFactory.create(App, { logger: false });`,
};

const WSGI = (text: string): string => `
  const said = (value: undefined, context: ClassFieldDecoratorContext) => (text: string) => text + " of a thread";
  class Texts { @said text = ${text} }
  export default (environ: object, startResponse: Function): string[] => {
    startResponse("200 OK", []);
    return [new Texts().text];
  };`;

describe("The command with TypeScript", function () {
  this.timeout(PATIENCE_MS);

  for (const type of ["module", "commonjs"]) {
    const manifest = { "package.json": JSON.stringify({ type }) };

    it(`applies standard decorators, in a package of type ${type}`, async () => {
      const folder = folderWith({
        ...manifest,
        "routes.ts": ROUTES,
        "pages.ts": PAGES,
        "app.ts": APP,
      });
      const command = eddy(folder, ["app.ts"]);
      expect(await command.text("/hello")).to.equal("method hello: Hello");
      expect(command.stderr).to.equal("");
    });

    it(`runs an application of NestJS as it is written, in a package of type ${type}`, async () => {
      const folder = folderWith(
        { ...manifest, ...NEST },
        { packages: ["reflect-metadata", "rxjs", "@nestjs"] },
      );
      const command = eddy(folder, ["app.ts"]);
      expect(await command.text("/hello/you")).to.equal("Hello, you");
    });

    it(`gives eddy and effection as one copy, also to what requires them, in a package of type ${type}`, async () => {
      const folder = folderWith({
        ...manifest,
        "part.cts": `
          import { sleep } from "effection";
          import { Loop } from "eddy";
          export { sleep, Loop };`,
        "app.ts": `
          import { sleep, type Operation } from "effection";
          import { sleep as own } from "eddy/operations";
          import { Loop } from "eddy";
          import * as part from "./part.cjs";
          export default function* (): Operation<string> {
            yield* sleep(1);
            yield* part.sleep(1);
            return String([part.sleep === sleep, part.Loop === Loop, typeof own]);
          }`,
      });
      const command = eddy(folder, ["app.ts"]);
      expect(await command.text()).to.equal("true,true,function");
    });

    it(`runs it in threads, and reloads when it changes, in a package of type ${type}`, async () => {
      const folder = folderWith({
        ...manifest,
        "app.ts": `
          import { wsgi } from "eddy/adapters/wsgi";
          export default wsgi({ module: "thread.ts", threads: 1 });`,
        "thread.ts": `import { text } from "./text.js"; ${WSGI("text")}`,
        "text.ts": "export const text: string = 'before';",
      });
      const command = eddy(folder, ["app.ts", "--reload"]);
      expect(await command.text()).to.equal("before of a thread");
      await command.logged(/^watching 3 files$/);
      writeFileSync(join(folder, "text.ts"), "export const text: string = ;");
      await command.logged(/text\.ts:1:29: Expression expected/);
      const text = "export const text: string = 'after';";
      writeFileSync(join(folder, "text.ts"), text);
      await command.logged(/^reloaded 1 worker$/);
      await command.logged(/^stopped$/);
      expect(await command.text()).to.equal("after of a thread");
    });
  }

  for (const type of ["module", "commonjs"])
    it(`runs it in threads and processes that the application starts, in a package of type ${type}`, async () => {
      const folder = folderWith({
        "package.json": JSON.stringify({ type }),
        "names.ts":
          "export enum Name { thread = 'a thread', child = 'a child' }",
        "thread.ts": `
          import { parentPort } from "node:worker_threads";
          import { Name } from "./names.js";
          parentPort!.postMessage(Name.thread satisfies string);`,
        "child.ts": `
          import { Name } from "./names.js";
          process.send!(Name.child satisfies string);`,
        "app.ts": `
          import { fork } from "node:child_process";
          import { once } from "node:events";
          import { resolve } from "node:path";
          import { Worker } from "node:worker_threads";
          export default async (): Promise<string> => {
            const started = [new Worker(resolve("thread.ts")), fork(resolve("child.ts"))];
            return (await Promise.all(started.map((it) => once(it, "message")))).join(", ");
          };`,
      });
      const command = eddy(folder, ["app.ts"]);
      expect(await command.text()).to.match(/^a thread, a child/);
    });

  it("takes an `await` at the top level in a package of CommonJS, beside files that are CommonJS", async () => {
    const folder = folderWith({
      "package.json": '{ "type": "commonjs" }',
      "part.ts": "export const part: string = typeof __filename;",
      "app.ts": `
        import { part } from "./part";
        import { Loop } from "eddy";
        const loop = new Loop().mount("/", () => \`\${part}, \${typeof import.meta.dirname}\`);
        await loop.serve(8000);`,
    });
    const command = eddy(folder, ["app.ts"]);
    expect(await command.text()).to.equal("string, string");
  });

  it("loads files once that import and require each other", async () => {
    const folder = folderWith({
      "package.json": '{ "type": "module" }',
      "part.cts": `
        (globalThis as any).loads = ((globalThis as any).loads ?? 0) + 1;
        export const part = (): string => "part";
        export const app = () => require("./part.cjs").part();`,
      "app.ts": `
        import { createRequire } from "node:module";
        import { part, app } from "./part.cjs";
        const again = createRequire(import.meta.url)("./part.cjs");
        export default () => String([part(), app(), again.part === part, (globalThis as any).loads]);`,
    });
    const command = eddy(folder, ["app.ts"]);
    expect(await command.text()).to.equal("part,part,true,1");
  });
});
