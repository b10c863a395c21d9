/** What the exchanges of a loop share, and who comes to it, by its settings. */
import type { Scope } from "effection";
import type { Logger } from "../common/log.ts";
import type { Secrets } from "../common/secrets.ts";
import { Visits } from "../engine/visits.ts";
import { createAccessLog } from "../exchange/access-log.ts";
import { Clients } from "../exchange/clients.ts";
import { Shared } from "../exchange/shared.ts";
import { proxiesFrom } from "../request/proxies.ts";
import { RequestIds } from "../request/request-id.ts";
import type { Settings } from "./options.ts";

/** `scope`: where operations run that are handlers. */
export function sharedBy(
  settings: Settings,
  log: Logger,
  secrets: Secrets | undefined,
  scope: Scope,
): { shared: Shared; visits: Visits } {
  const proxies = proxiesFrom(settings.trustProxy, settings.proxyHeader);
  const most = settings.maxConnectionsPerClient;
  const visits = new Visits(log, {
    most,
    isShared: (address) => address === "" || proxies?.trust(address) === true,
  });
  const shared = new Shared(
    log,
    createAccessLog(log, settings.accessLog, secrets),
    scope,
    settings.teardownTimeoutMs,
    new RequestIds(settings.requestId),
    proxies,
    most === Infinity ? undefined : new Clients(),
    settings.traces,
  );
  return { shared, visits };
}
