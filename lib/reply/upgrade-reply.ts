/** The reply that makes a connection a WebSocket, as the rooms below `websocket` see it. */
import { brand } from "../common/brand.ts";

/** Two copies of the package may meet in one process. */
const UPGRADE = Symbol.for("eddy.upgrade");

/** What `upgrade()` makes. */
export abstract class UpgradeReply {
  static {
    brand(this);
  }

  readonly [UPGRADE] = true;
  /** No socket comes of it. */
  readonly unused: (() => void) | undefined;
}

export const isUpgrade = (reply: unknown): reply is UpgradeReply =>
  typeof reply === "object" && reply !== null && UPGRADE in reply;
