/** What HTTP is made of, as regular expressions. */

/** RFC 9110, section 5.6.2: token. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** RFC 9110, section 5.5, as bytes: visible ASCII, space, tab and obs-text. A CR, LF or NUL would split the message. */
export const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The same without obs-text: the part of it that is alike in all encodings. */
export const PLAIN_VALUE = /^[\t\x20-\x7e]*$/;
