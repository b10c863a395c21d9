import { expect } from "chai";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EngineError } from "../../../../lib/common/errors.ts";
import type { Machine } from "../../../../lib/engine/uws/load.ts";
import { describeOnUws, HAS_UWS } from "../../../support/native.ts";

/** Where it does not load, the suite is not run. */
const { explain, uws } = HAS_UWS
  ? await import("../../../../lib/engine/uws/load.ts")
  : ({} as typeof import("../../../../lib/engine/uws/load.ts"));

describeOnUws("The engine", () => {
  it("is loaded", () => {
    expect(uws.App).to.be.a("function");
    expect(uws.SSLApp).to.be.a("function");
  });

  it("takes more than its own 4096 bytes of headers", async () => {
    const app = uws.App().get("/*", (response) => void response.end("fine"));
    try {
      const port = await new Promise<number>((resolve) =>
        app.listen("127.0.0.1", 0, (socket) =>
          resolve(socket ? uws.us_socket_local_port(socket) : 0),
        ),
      );
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        headers: { "x-long": "x".repeat(12_000), connection: "close" },
      });
      expect(await response.text()).to.equal("fine");
    } finally {
      app.close();
    }
  });

  describe("in a process of its own", function () {
    this.timeout(20_000);
    let folder: string;
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "eddy-test-"))));
    afterEach(() => rmSync(folder, { recursive: true }));

    /** Loads the engine with `folder` for temporary files. `fail` says how a load fails before it reaches the file. */
    function load(
      options: { env?: NodeJS.ProcessEnv; fail?: Record<string, string> } = {},
    ): SpawnSyncReturns<string> {
      const preload = `
        const Module = require("node:module");
        const fails = Object.entries(${JSON.stringify(options.fail ?? {})});
        const failing = (original, place) => function (...args) {
          for (const [part, message] of fails)
            if (args[place].includes(part)) throw new Error(message);
          return original.apply(this, args);
        };
        Module._load = failing(Module._load, 0);
        process.dlopen = failing(process.dlopen, 1);`;
      const main = `
        const { uws } = await import(${JSON.stringify(new URL("../../../../lib/engine/uws/load.js", import.meta.url))});
        console.log(typeof uws.App, process.env.UWS_HTTP_MAX_HEADERS_SIZE);`;
      const file = `${folder}.cjs`; // beside the folder, which has to stay empty
      writeFileSync(file, preload);
      try {
        return spawnSync(
          process.execPath,
          ["--require", file, "--input-type=module", "--eval", main],
          {
            encoding: "utf8",
            env: {
              ...process.env,
              UWS_HTTP_MAX_HEADERS_SIZE: undefined,
              TMPDIR: folder,
              ...options.env,
            },
          },
        );
      } finally {
        rmSync(file);
      }
    }

    const old = "/lib/libc.so.6: version `GLIBC_2.38' not found";

    it("leaves neither its header limit nor a temporary file", () => {
      const { status, stdout, stderr } = load();
      expect({ status, stdout, stderr }).to.deep.equal({
        status: 0,
        stdout: "function undefined\n",
        stderr: "",
      });
      expect(readdirSync(folder)).to.deep.equal([]);
    });

    it("leaves the operator's header limit alone", () => {
      expect(
        load({ env: { UWS_HTTP_MAX_HEADERS_SIZE: "8192" } }).stdout,
      ).to.equal("function 8192\n");
    });

    (process.platform === "linux" ? it : it.skip)(
      "is adapted to an older glibc (Linux only)",
      () => {
        const { status, stdout, stderr } = load({
          fail: { "uWebSockets.js": old },
        });
        expect({ status, stdout, stderr }).to.deep.equal({
          status: 0,
          stdout: "function undefined\n",
          stderr: "",
        });
        expect(readdirSync(folder)).to.deep.equal([]);
      },
    );

    const failures: [
      title: string,
      fail: Record<string, string>,
      reason: string,
    ][] = [
      [
        "does not load",
        { "uWebSockets.js": "undefined symbol: foo" },
        "undefined symbol: foo",
      ],
      [
        "cannot be adapted",
        {
          "uWebSockets.js": old,
          "/proc/self/fd/": "still GLIBC_2.38' not found",
        },
        "GLIBC_2.38' not found",
      ],
    ];
    for (const [title, fail, reason] of failures)
      it(`ends the process with one clear message where it ${title}`, () => {
        const { status, stdout, stderr } = load({ fail });
        expect({ status, stdout }).to.deep.equal({ status: 1, stdout: "" });
        expect(
          stderr.split("EngineError: uWebSockets.js does not load here."),
        ).to.have.length(2, stderr);
        expect(stderr).to.match(
          /EngineError: .*\n {2}this machine: .+\n {2}needed: .+\n {2}to do: .+\n {2}reason: .+\n/,
        );
        expect(stderr).to.include(reason).and.include("code: 'EDDY_ENGINE'");
        expect(readdirSync(folder)).to.deep.equal([]);
      });
  });

  describe("explains a failed load", () => {
    const usual: Machine = {
      platform: "linux",
      arch: "x64",
      node: "20.20.2",
      abi: "115",
      glibc: "2.39",
    };
    const cases: [
      title: string,
      machine: Partial<Machine>,
      has: string,
      advice: RegExp,
    ][] = [
      [
        "on musl",
        { glibc: undefined },
        "linux x64, Node.js 20.20.2 (ABI 115), no glibc (musl?)",
        /image with glibc/,
      ],
      [
        "on an unknown Node.js",
        { node: "21.7.3", abi: "120" },
        "linux x64, Node.js 21.7.3 (ABI 120), glibc 2.39",
        /Node.js 24 or 22/,
      ],
      [
        "on a machine that should do",
        {},
        "linux x64, Node.js 20.20.2 (ABI 115), glibc 2.39",
        /npm ci/,
      ],
      [
        "outside Linux",
        { platform: "darwin", glibc: undefined },
        "darwin x64, Node.js 20.20.2 (ABI 115)\n",
        /npm ci/,
      ],
    ];
    for (const [title, machine, has, advice] of cases)
      it(title, () => {
        const cause = new Error(
          "This version of uWS.js supports ...\n\nError: uws.node: undefined symbol: foo\n",
        );
        const error = explain(cause, { ...usual, ...machine });
        expect(error)
          .to.be.instanceOf(EngineError)
          .and.include({ code: "EDDY_ENGINE", cause });
        expect(error.message).to.include(`this machine: ${has}`);
        expect(error.message).to.match(
          /needed: +Node\.js 20, 22, 24 or 25 on x64 or arm64/,
        );
        expect(error.message).to.match(new RegExp(`to do: .*${advice.source}`));
        expect(error.message).to.match(
          /reason: +Error: uws\.node: undefined symbol: foo$/,
        );
      });

    it("also when what was thrown is no Error", () => {
      expect(explain("nothing to load", usual)).to.include({
        cause: "nothing to load",
      });
      expect(explain("nothing to load", usual).message).to.match(
        /reason: +nothing to load$/,
      );
    });
  });
});
