/** The reason phrases of RFC 9110, of which Node.js has some as RFC 7231 had them. */
import { STATUS_CODES } from "node:http";

export const REASONS: Readonly<Record<number, string>> = {
  ...STATUS_CODES,
  413: "Content Too Large",
  422: "Unprocessable Content",
};
