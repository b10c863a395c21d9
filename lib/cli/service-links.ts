/** Variables that are not meant for us: Kubernetes sets them for a Service named `eddy`, or `eddy-` and more. */

const HOST_OR_PORT = /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/;
const URL_OF_PORT = /_PORT(_\d+_(TCP|UDP|SCTP))?$/;
const PART_OF_PORT = /_PORT_\d+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)$/;

/** By name and, where a setting could have that name, by value: `EDDY_PORT=tcp://10.0.0.7:80`. */
export const isServiceLink = (name: string, value: string): boolean =>
  HOST_OR_PORT.test(name) ||
  PART_OF_PORT.test(name) ||
  (URL_OF_PORT.test(name) && /^(tcp|udp|sctp):\/\//.test(value));
