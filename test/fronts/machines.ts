/** Machines: network namespaces of Linux, joined by a bridge, whose cables can be pulled. Needs root. */
import { execFileSync, spawnSync } from "node:child_process";
import { afterTest } from "../support/hooks.ts";
import { missing, PROGRAM_ENV } from "../support/programs.ts";

const ip = (...args: string[]): void =>
  void execFileSync("ip", args, { env: PROGRAM_ENV, stdio: "pipe" });

/** Why there can be none. */
export function machinesMissing(): string | undefined {
  const noProgram = missing("ip", "-V");
  if (noProgram !== undefined) return noProgram;
  if (process.getuid?.() !== 0) return "only root can make network namespaces";
  const probe = `eddy-probe-${process.pid}`;
  const { status, stderr } = spawnSync("ip", ["netns", "add", probe], {
    env: PROGRAM_ENV,
    encoding: "utf8",
  });
  if (status !== 0) return `network namespaces are not to be had: ${stderr}`;
  ip("netns", "delete", probe);
  return undefined;
}

export class Machine {
  readonly address: string;
  readonly #name: string;

  /** `net` with a cable to each of the others: so many, named after this process. */
  static network(count: number): Machine[] {
    const hub = `eddy-${process.pid}-hub`;
    ip("netns", "add", hub);
    afterTest(() => ip("netns", "delete", hub));
    ip("-n", hub, "link", "add", "bridge", "type", "bridge");
    ip("-n", hub, "link", "set", "bridge", "up");
    return Array.from({ length: count }, (_, i) => new Machine(hub, i + 1));
  }

  private constructor(hub: string, number: number) {
    this.#name = `eddy-${process.pid}-${number}`;
    this.address = `10.213.0.${number}`;
    const name = this.#name;
    ip("netns", "add", name);
    afterTest(() => ip("netns", "delete", name));
    const port = `port${number}`;
    const cable = ["link", "add", "eth0", "type", "veth", "peer", "name"];
    ip("-n", name, ...cable, port, "netns", hub);
    ip("-n", hub, "link", "set", port, "master", "bridge", "up");
    ip("-n", name, "address", "add", `${this.address}/24`, "dev", "eth0");
    this.plugIn();
    ip("-n", name, "link", "set", "lo", "up");
  }

  unplug(): void {
    ip("-n", this.#name, "link", "set", "eth0", "down");
  }

  plugIn(): void {
    ip("-n", this.#name, "link", "set", "eth0", "up");
  }

  /** What starts a program there. */
  command(program: string, ...args: string[]): [string, string[]] {
    return ["ip", ["netns", "exec", this.#name, program, ...args]];
  }
}
