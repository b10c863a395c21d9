/**
 * What authors of adapters import that hand requests on to other servers. Apart from `adapter.ts`, which threads load
 * too: this brings the engine and effection along.
 */
export type { Rule } from "./common/checked-options.ts";
export { upstreamAddresses, type UpstreamAddress } from "./upstream/address.ts";
export type { OutgoingRequest } from "./upstream/attempt.ts";
export { endToEnd } from "./upstream/fields.ts";
export { forward } from "./upstream/forward.ts";
export {
  MILLISECONDS,
  upstreamSettings,
  type UpstreamOptions,
} from "./upstream/options.ts";
export { ReplySocket } from "./upstream/socket.ts";
export { Upstreams } from "./upstream/upstreams.ts";
