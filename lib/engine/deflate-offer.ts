/**
 * Which offers of permessage-deflate are taken (RFC 7692, section 7.1): those that ask for nothing but what every
 * engine does. An offer that binds the server to a smaller window is not, nor one with a parameter that is wrong.
 */

export const PERMESSAGE_DEFLATE = "permessage-deflate";

const PARAMETER =
  /^(?:(?:server|client)_no_context_takeover|client_max_window_bits(?:=(?:[89]|1[0-5]|"(?:[89]|1[0-5])"))?)$/;

/** `field` is `sec-websocket-extensions`; one of several offers is enough. */
export const offersDeflate = (field: string): boolean =>
  field.split(",").some(isTaken);

function isTaken(offer: string): boolean {
  const [extension, ...parameters] = offer.split(";").map((it) => it.trim());
  const names = new Set(parameters.map((it) => it.split("=")[0]));
  return (
    extension === PERMESSAGE_DEFLATE &&
    names.size === parameters.length &&
    parameters.every((it) => PARAMETER.test(it))
  );
}
