/** What HTTP is made of, as regular expressions. */

/** RFC 9110, section 5.6.2: token. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** RFC 9110, section 5.5, as bytes: visible ASCII, space, tab and obs-text. A CR, LF or NUL here would split the reply. */
export const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
export const PLAIN_VALUE = /^[\t\x20-\x7e]*$/;
