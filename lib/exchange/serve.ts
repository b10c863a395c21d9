/** Where an exchange begins: within the engine's callback, and within its trace, if there is one. */
import type { Head, Outlet } from "../engine/engine.ts";
import type { Entrance, Scheme } from "../engine/entrance.ts";
import type { Trace } from "../traces/trace.ts";
import type { Handler } from "./application.ts";
import { Exchange, type Route } from "./exchange.ts";
import type { Shared } from "./shared.ts";

/**
 * Serves one request, within the engine's callback: the hot path of the gateway.
 *
 * A plain handler's reply is written before this returns: no task, no promise, nothing registered. The rest is paid for
 * by those who need it: `#outlive` takes part in the client's fate, `#run` starts a task. See bench/README.md for what
 * each costs.
 */
export function serve(
  shared: Shared,
  route: Route,
  head: Head,
  out: Outlet,
  entrance: Entrance,
): void {
  const { scheme } = entrance;
  const trace = shared.traces?.begin(head, scheme, route.pattern);
  if (trace === undefined) return begin(shared, route, head, out, scheme);
  trace.within(() => begin(shared, route, head, out, scheme, trace));
}

/** Made within its trace, the exchange has that in its async context, and with it all that runs there. */
function begin(
  shared: Shared,
  route: Route,
  head: Head,
  out: Outlet,
  scheme: Scheme,
  trace?: Trace,
): void {
  const exchange = new Exchange(shared, route, head, out, scheme, trace);
  shared.latest = exchange;
  exchange.asyncContext.runInAsyncScope(handle, exchange, route.handle);
}

/** By `this`, as each further argument costs: hot path. */
function handle(this: Exchange, handler: Handler): void {
  this.handle(handler);
}
