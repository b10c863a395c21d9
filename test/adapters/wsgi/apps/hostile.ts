/** Throws what is asked for, after it has logged it. */
import type { WsgiApp } from "../../../../adapters/wsgi/types.ts";
import { HOSTILE } from "../../../support/hostile.ts";

export const throws: WsgiApp = ({ QUERY_STRING, "eddy.request": { log } }) => {
  const thrown = HOSTILE[decodeURIComponent(QUERY_STRING)]!("on purpose");
  log.info({ err: thrown, of: [thrown] }, "seen");
  throw thrown; // oxlint-disable-line typescript/only-throw-error
};
