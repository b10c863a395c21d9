"""What the gateway and a thread of a worker say to each other.

A frame is `u32 (length | type << 24)`, little-endian, and that many bytes. From the gateway:

    REQUEST     u32 (length of the environ | streamed << 24), the environ as "name NUL value NUL ...", the body;
                streamed: the body, or the rest of it, follows in frames
    BODY        a piece of the body
    BODY_END    that was all of it
    BODY_LOST   there will be no more; why, as text

From the worker, HEAD, END and FAIL being bits of one type:

    HEAD        u16 length, "status NUL name NUL value ...", and what there is of the body
    END         the reply is complete with this piece
    FAIL        the request is over with an error: Python's traceback
    SKIP        the request was withdrawn before it was begun
    LOG         u32: number of the request; what the application wrote to wsgi.errors

Requests and connections have no number on the wire: both sides count them. The state file is shared memory, 64 KiB for
each thread: which request was begun last, which one has lost its client, which ones the gateway withdraws, and replies
that are finished but not sent. So when a worker dies, only what it was doing is lost.
"""

import struct
from _thread import allocate_lock
from os import getpid
from time import monotonic

from .errors import Forked, GatewayGone

REQUEST, BODY, BODY_END, BODY_LOST = 1, 2, 3, 4
HEAD, END, FAIL, SKIP, LOG = 1, 2, 4, 8, 16

STRIDE = 65536  # bytes of the state file for each thread
BEGUN, ABORTED, WITHDRAWN_FROM, WITHDRAWN_TO, HELD_FIRST, HELD_LENGTH = range(6)  # its words, u32
HELD_AT = 64  # where the held replies begin

CHUNK = 65536  # bytes read at once, and of a reply in one frame
MAX_HELD = 15  # replies: half of what the gateway gives ahead, so that both sides have something to do
MAX_HELD_SECONDS = 0.002  # likewise
MAX_QUOTED = 500  # bytes of what a child would have said

U32 = struct.Struct("<I")
read_u32 = U32.unpack_from


def frame(kind, payload):
    return U32.pack(len(payload) | kind << 24) + payload


class Connection:
    """One thread's connection to the gateway, and its part of the state file."""

    def __init__(self, sock, slot, memory):
        self.pid = getpid()
        self.sock = sock
        self.memory = memory
        self.words = memoryview(memory)[slot * STRIDE : slot * STRIDE + HELD_AT].cast("I")
        self.held_at = slot * STRIDE + HELD_AT
        self.held = self.held_count = 0  # bytes and replies
        self.held_since = 0.0
        self.number = 0  # of the request that was begun last
        self.buffer = b""
        self.at = 0  # how much of the buffer was read
        self.barrier = allocate_lock()
        self.make_turns()

    def make_turns(self):
        """Those of who reads a body and of who writes: an application may do so in other threads as well."""
        self.reading = allocate_lock()
        self.writing = allocate_lock()

    def leave(self):
        """In a child of the process: all of this is the parent's."""
        self.make_turns()  # whoever has one may be a thread of the parent's
        self.sock.close()
        words, self.words = self.words, list(self.words)
        words.release()
        self.buffer = b""
        self.at = self.held = self.held_count = 0

    @property
    def inherited(self):
        """This process is not the one that serves."""
        return getpid() != self.pid

    def refuse(self, data):
        """Whatever the child wants of the gateway is its parent's to say, or to be told."""
        message = "the request is for the parent of this process to answer; a child ends by os._exit()"
        if data:
            start = 6 if data[3] & HEAD else 4
            message += ". It would have said: %r" % data[start : start + MAX_QUOTED]
        raise Forked(message)

    def read_frame(self):
        """The next frame's type and payload. Hot path: most frames are in the buffer already."""
        buffer = self.buffer
        at = self.at + 4
        if at <= len(buffer):
            (word,) = read_u32(buffer, at - 4)
            end = at + (word & 0xFFFFFF)
            if end <= len(buffer):
                self.at = end
                return word >> 24, buffer[at:end]
        length, kind = self.read_frame_start()
        return kind, self.read(length)

    def read_frame_start(self):
        """The next frame's length and type."""
        (word,) = read_u32(self.read(4))
        return word & 0xFFFFFF, word >> 24

    def read(self, length):
        while len(self.buffer) - self.at < length:
            self.receive()
        self.at += length
        return self.buffer[self.at - length : self.at]

    def read_some(self, length):
        """Some of so many bytes: what there is."""
        if self.at == len(self.buffer):
            self.receive()
        return self.read(min(length, len(self.buffer) - self.at))

    def receive(self):
        if getpid() != self.pid:
            self.refuse(b"")
        if self.held:
            with self.writing:
                self.send(b"")
        try:
            data = self.sock.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            raise GatewayGone
        self.buffer = self.buffer[self.at :] + data if self.at < len(self.buffer) else data
        self.at = 0

    def begin(self):
        """Announces the next request. False: the gateway has withdrawn it.

        Both sides first write and then look, with a barrier in between, so at least one of them sees the other. If both
        do, nobody runs the request, and the gateway gives it out again.
        """
        self.number = number = (self.number + 1) & 0xFFFFFFFF
        words = self.words
        words[BEGUN] = number
        with self.barrier:
            pass
        return not words[WITHDRAWN_FROM] <= number <= words[WITHDRAWN_TO]

    def disconnected(self):
        """True when the client of the running request went away: `environ["eddy.disconnected"]`."""
        return self.words[ABORTED] == self.number

    def send(self, data):
        if getpid() != self.pid:
            self.refuse(data)
        if self.held:
            data = self.memory[self.held_at : self.held_at + self.held] + data
        try:
            self.sock.sendall(data)
        except OSError:
            raise GatewayGone from None
        if self.held:
            self.words[HELD_LENGTH] = self.held = self.held_count = 0

    def send_whole(self, reply):
        """Sends a complete reply with the next one if that request is here: the gateway wakes up once for both."""
        held = self.held
        end = held + len(reply)
        if self.held_count >= MAX_HELD or end > STRIDE - HELD_AT or not self.has_next_frame():
            return self.send(reply)
        if getpid() != self.pid:
            self.refuse(reply)
        now = monotonic()
        if not held:
            self.held_since = now
            self.words[HELD_FIRST] = self.number
        elif now - self.held_since > MAX_HELD_SECONDS:
            return self.send(reply)
        self.memory[self.held_at + held : self.held_at + end] = reply
        self.words[HELD_LENGTH] = self.held = end
        self.held_count += 1

    def has_next_frame(self):
        """All of it is in the buffer."""
        buffer = self.buffer
        at = self.at + 4
        return at < len(buffer) and at + (read_u32(buffer, at - 4)[0] & 0xFFFFFF) <= len(buffer)
