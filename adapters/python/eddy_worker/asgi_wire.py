"""What the gateway and a worker with an ASGI application say to each other, on one connection.

Frames are as in `wire.py`, and each payload begins with the number of its request, u32: many run at once. A number is
used again when its request is over. The first word of the state file says how many were begun, in the order in which
the gateway gives them. From the gateway:

    REQUEST     u32 (length of the head | flags << 24), the head as in `asgi.py`, the body, or none yet with STREAMED
    BODY        a piece of the body
    BODY_END    that was all of it
    DISCONNECT  the client is gone, or nobody wants the reply any more
    TAKEN       u32: the client has taken so many bytes more
    OVERRUN     it takes too long: say where it is, and cancel it
    TEXT, DATA  a message of a WebSocket
    CLOSED      u16, text: the WebSocket has closed, with this code and reason

From the worker, HEAD, END, FAIL and LOG as in `wire.py`, and:

    TRAILED_HEAD  a HEAD whose body is followed by trailers
    READ        u32: the application has taken so many bytes more
    BUSY, DONE  the application goes on behind its reply; it has ended
    HINT        names and values: early hints
    TRAILERS    names and values; they stand in front of END
    ACCEPT      "subprotocol NUL name NUL value ...": the WebSocket is open
    SEND_TEXT, SEND_DATA, CLOSE as what comes

Who sends the pieces of a body or messages waits when the other side is behind by WINDOW.
"""

import struct

REQUEST, BODY, BODY_END, DISCONNECT, TAKEN, OVERRUN, TEXT, DATA, CLOSED = 1, 2, 3, 5, 6, 7, 8, 9, 10
READ, BUSY, DONE, HINT, TRAILERS, ACCEPT, SEND_TEXT, SEND_DATA, CLOSE = range(64, 73)
TRAILED_HEAD = 33
STREAMED, WEBSOCKET, IS_HEAD = 1, 2, 4  # flags of a REQUEST

WINDOW = 256 * 1024  # bytes that are on their way
PIECE = 128 * 1024  # bytes of a reply in one frame
MAX_MESSAGE = 2**24 - 1024  # bytes of a message of a WebSocket, whose frame has 24 bits for its length
MAX_HEAD = 65535

unpack_start = struct.Struct("<II").unpack_from  # length and type, number
pack_start = struct.Struct("<II").pack
pack_head = struct.Struct("<IIH").pack


def numbered(kind, number, payload=b""):
    return pack_start(len(payload) + 4 | kind << 24, number) + payload


def join_fields(first, headers):
    """Names and values behind `first`, with a NUL between all of them."""
    fields = [first]
    for name, value in headers:
        fields.append(name)
        fields.append(value)
    text = b"\0".join(fields)
    if text.count(b"\0") != len(fields) - 1 or b"\n" in text or b"\r" in text:
        raise ValueError("a control character in the headers: %r" % (fields,))
    if len(text) > MAX_HEAD:
        raise ValueError("the headers have %d bytes together, and %d is the most" % (len(text), MAX_HEAD))
    return text
