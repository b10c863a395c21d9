/** What the operator says, in place of the application's own options. */
import { expect } from "chai";
import { configure } from "../../../lib/cli/configure.ts";
import { openLogs } from "../../../lib/cli/logs.ts";
import { LOOP_OPTIONS, applySettings } from "../../../lib/cli/loop-options.ts";
import { KEYS, settingOf, type Key } from "../../../lib/cli/schema.ts";
import { DEFAULT } from "../../../lib/cli/settings.ts";
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
    "bodyTimeout",
    "requestTimeout",
    "drainTimeout",
    "readinessDelay",
  ] as const)
    it(`takes 0 for ${key}`, async () => {
      const option = LOOP_OPTIONS[key];
      const options = await steered({ [option]: 5 }, { [key]: "0" });
      expect(options[option]).to.equal(0);
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
