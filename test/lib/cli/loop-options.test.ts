/** What the operator says, in place of the application's own options. */
import { expect } from "chai";
import { configure } from "../../../lib/cli/configure.ts";
import { openLogs } from "../../../lib/cli/logs.ts";
import { LOOP_OPTIONS, applySettings } from "../../../lib/cli/loop-options.ts";
import { KEYS, settingOf, type Key } from "../../../lib/cli/schema.ts";
import { DEFAULT, isGiven } from "../../../lib/cli/settings.ts";
import type { LoopOptions } from "../../../lib/index.ts";

/** An application's options, steered by flags. */
async function steered(
  own: LoopOptions,
  flags: Partial<Record<Key, unknown>>,
): Promise<LoopOptions> {
  const { settings, resolved } = await configure(flags, {
    env: {},
    folders: [],
  });
  const explicit = KEYS.filter((key) => resolved[key].source !== DEFAULT);
  const options = { ...own };
  applySettings(options, settings, explicit, openLogs(settings));
  return options;
}

describe("A loop of the command", () => {
  for (const [key, option] of Object.entries(LOOP_OPTIONS))
    it(`has ${option} as ${key} says`, async () => {
      const { example, kind } = settingOf(key as Key);
      const options = await steered({}, { [key]: example });
      expect(kind.show(options[option])).to.equal(example);
    });

  for (const key of [
    "maxBody",
    "maxHeaders",
    "drainTimeout",
    "readinessDelay",
  ] as const)
    it(`takes 0 for ${key}`, async () => {
      const option = LOOP_OPTIONS[key];
      const options = await steered({ [option]: 5 }, { [key]: "0" });
      expect(options[option]).to.equal(0);
    });

  for (const key of ["bodyTimeout", "requestTimeout"] as const)
    it(`takes 0 for no limit as ${key}`, async () => {
      const option = LOOP_OPTIONS[key];
      for (const zero of ["0", "0s"]) {
        const options = await steered({ [option]: 5 }, { [key]: zero });
        expect(options[option]).to.equal(Infinity);
      }
    });

  it("shows requests on a terminal, in development, unless somebody says otherwise", async () => {
    const own = (): void => {};
    for (const [env, flags, accessLog] of [
      [{}, {}, "-"],
      [{ NODE_ENV: "test" }, {}, "-"],
      [{ NODE_ENV: "production" }, {}, "none"],
      [{ EDDY_ACCESS_LOG: "no" }, {}, "none"],
      [{}, { accessLog: "requests.log" }, "requests.log"],
    ] as const) {
      const sources = { env, folders: [], isTerminal: true };
      const { settings } = await configure(flags, sources);
      expect(settings.accessLog).to.equal(accessLog);
    }
    const sources = { env: {}, folders: [], isTerminal: true };
    const { settings, resolved } = await configure({}, sources);
    expect(isGiven(resolved.accessLog)).to.equal(false);
    const options: LoopOptions = {};
    applySettings(options, settings, [], openLogs(settings));
    expect(options.accessLog).to.be.a("function");
    options.accessLog = own; // of a program that has one
    applySettings(options, settings, [], openLogs(settings));
    expect(options.accessLog).to.equal(own);
  });

  it("has no health check if the operator wants none", async () => {
    const own = { healthCheck: "/healthz" };
    expect((await steered(own, { healthCheck: "" })).healthCheck).to.equal(
      undefined,
    );
  });

  it("keeps its own options where the operator says nothing", async () => {
    const own = { drainTimeoutMs: 7, healthCheck: "/up" };
    expect(await steered(own, {})).to.include(own);
  });
});
