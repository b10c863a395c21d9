/** What is wrong with settings that are valid each. */
import { totalmem } from "node:os";
import { workersOf } from "../cores.ts";
import { isLoopback } from "../host-and-port.ts";
import { statusTarget } from "../status-server.ts";
import { parseTarget, type Target } from "../../engine/target.ts";
import type { Check, Setup } from "./finding.ts";

interface Settled {
  readonly setup: Setup;
  /** They are in a file that a service is started by. */
  readonly isDeployed: boolean;
}

export const SETTINGS_CHECKS: readonly Check<Settled>[] = [
  {
    code: "trust-everybody",
    wrong: ({ setup: { settings } }) => {
      const all = settings.trustProxy.find((entry) => /\/0+$/.test(entry));
      return (
        all !== undefined &&
        `trustProxy ${all} is everybody: each client can say that it is another one`
      );
    },
    todo: "list the proxies alone: loopback, private, or their addresses",
  },
  {
    code: "status-open",
    wrong: ({ setup: { settings } }) =>
      settings.stats !== "" &&
      settings.statsPassword === "" &&
      isOpen(statusTarget(settings.stats)) &&
      `whoever reaches ${settings.stats} can halt requests (stats)`,
    todo: "--stats 127.0.0.1:1717, or unix:/run/eddy-stats.sock; statsPassword; --metrics for Prometheus on another machine",
  },
  {
    code: "uwsgi-open",
    wrong: ({ setup: { settings } }) =>
      settings.uwsgi !== "" &&
      isOpen(parseTarget(settings.uwsgi)!) &&
      `whoever reaches ${settings.uwsgi} is believed to be a front server (uwsgi)`,
    todo: "--uwsgi 127.0.0.1:3031, or unix:/run/app.sock",
  },
  {
    code: "reload-in-production",
    wrong: ({ setup: { settings }, isDeployed }) =>
      settings.reload &&
      (isDeployed || process.env.NODE_ENV === "production") &&
      "a file that changes, as in the middle of a deploy, reloads the workers (reload)",
    todo: "leave --reload out; eddy reload, or HUP, when all files are there",
  },
  {
    code: "memory",
    wrong: ({ setup: { settings }, isDeployed }) => {
      const workers = workersOf(settings);
      const all = settings.maxRss * workers;
      return (
        !isDeployed &&
        all !== Infinity &&
        all > totalmem() &&
        `${workers} workers may have ${gib(all)} GiB (maxRss), the machine has ${gib(totalmem())}: it runs out before one is replaced`
      );
    },
    todo: "a smaller --max-rss, or fewer --workers",
  },
];

const gib = (bytes: number): string => (bytes / 1024 ** 3).toFixed(1);

/** Other machines can reach it. */
const isOpen = (target: Target): boolean =>
  !("path" in target) && !isLoopback(target.host ?? "0.0.0.0");
