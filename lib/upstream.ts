/** What authors of adapters import that hand requests on to other servers. Apart from `adapter.ts`, which threads load too: this brings the engine and effection along. */
export type { Rule } from "./common/checked-options.ts";
export { endToEnd } from "./upstream/fields.ts";
export { forward, type Prepared } from "./upstream/forward.ts";
export {
  MILLISECONDS,
  upstreamSettings,
  type UpstreamOptions,
} from "./upstream/options.ts";
export { ReplySocket } from "./upstream/socket.ts";
export { targetsFrom, type Target } from "./upstream/target.ts";
export { Upstreams } from "./upstream/upstreams.ts";
export { blockSize, encodePacket, MAX_BLOCK } from "./uwsgi/packet.ts";
