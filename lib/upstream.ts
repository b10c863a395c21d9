/**
 * What authors of adapters import that hand requests on to other servers. Apart from `adapter.ts`, which threads load
 * too: this brings the engine and effection along.
 */
export type { Rule } from "./common/checked-options.ts";
export { urlHost } from "./common/address.ts";
export { endToEnd, pairsOf } from "./common/fields.ts";
export { forward, type OutgoingRequest } from "./upstream/forward.ts";
export { checkHealth } from "./upstream/health.ts";
export {
  MILLISECONDS,
  upstreamAddresses,
  upstreamSettings,
  type UpstreamAddress,
  type UpstreamOptions,
} from "./upstream/options.ts";
export { ReplySocket } from "./upstream/socket.ts";
export { Upstreams } from "./upstream/upstreams.ts";
