"""What a WSGI application gets from its server: wsgi.input, wsgi.errors, wsgi.file_wrapper and start_response."""

import io
import struct
import sys
from _thread import get_ident

from .errors import ClientGone
from .wire import BODY, BODY_LOST, CHUNK, END, FAIL, HEAD, LOG, U32, frame

MAX_HEAD = 65000  # bytes of a reply's head: its length has 16 bits, and Content-Length may still be added

FRAME_AND_HEAD_LENGTH = struct.Struct("<IH")


class Body(io.RawIOBase):
    """The bytes behind wsgi.input, for a body that arrives while the application runs."""

    def __init__(self, connection, first):
        self.connection = connection
        self.piece = memoryview(first)  # what has come and was not read yet
        self.left = 0  # bytes of the frame behind it
        self.ended = False
        self.lost = None  # why there is no more

    def readable(self):
        return True

    def readinto(self, target):
        with self.connection.reading:
            return self.read_piece(target)

    def read_piece(self, target):
        while not self.piece and not self.ended:
            self.next_piece()
        if self.lost is not None and not self.piece:
            raise ClientGone(self.lost)
        count = min(len(self.piece), len(target))
        memoryview(target)[:count] = self.piece[:count]
        self.piece = self.piece[count:]
        return count

    def next_piece(self):
        if not self.left:
            self.left, kind = self.connection.read_frame_start()
            if kind != BODY:
                self.ended = True
                if kind == BODY_LOST:
                    self.lost = self.connection.read(self.left).decode()
                return
        self.piece = memoryview(self.connection.read_some(self.left))
        self.left -= len(self.piece)

    def discard(self):
        """Reads what the application has left, so that the next request is found."""
        with self.connection.reading:
            while not self.ended:
                self.next_piece()
            self.piece = memoryview(b"")


class Errors(io.TextIOBase):
    """wsgi.errors: goes to the gateway's log, with the id of the request that its thread is in."""

    def __init__(self, connection):
        self.connection = connection
        self.owner = None  # the thread that serves
        self.text = ""

    def writable(self):
        return True

    def leave(self):
        """In a child of the process: what it writes from now on goes to its standard error."""
        self.owner = None
        self.text = ""

    def write(self, text):
        if self.owner != get_ident():
            return sys.stderr.write(text)  # of a thread of the application's own, or after the request
        self.text += text
        if "\n" in text or len(self.text) > CHUNK:
            self.flush()
        return len(text)

    def flush(self):
        if self.owner != get_ident() or not self.text:
            return
        data = self.text.rstrip("\n").encode("utf-8", "backslashreplace")
        self.text = ""
        number = U32.pack(self.connection.number)
        for at in range(0, len(data), CHUNK):
            with self.connection.writing:
                self.connection.send(frame(LOG, number + data[at : at + CHUNK]))


class FileWrapper:
    """wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling"): a file in pieces."""

    def __init__(self, file, block_size=CHUNK):
        self.read = file.read
        self.block_size = block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self):
        return iter(lambda: self.read(self.block_size), b"")


class Reply:
    """One reply; called, it is start_response."""

    head = None
    begun = ended = no_body = False
    length = None  # as the application announced it
    sent = 0

    def __init__(self, connection, is_head):
        self.connection = connection
        self.is_head = is_head

    def __call__(self, status, headers, exc_info=None):
        if exc_info:
            try:
                if self.begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.head is not None:
            raise AssertionError("start_response was called a second time without exc_info")
        if status[3:4] != " " or not status[:3].isdigit():
            raise ValueError("status %r is not of the form '200 OK'" % (status,))
        self.length = None
        fields = [status]
        for name, value in headers:
            if name.lower() == "content-length":
                self.length = int(value)
            fields += name, value
        text = "\0".join(fields)
        if text.count("\0") != len(fields) - 1 or "\n" in text or "\r" in text:
            raise ValueError("a control character in the status or the headers: %r" % (fields,))
        head = text.encode("latin-1")
        if len(head) > MAX_HEAD:
            message = "the status and the headers have %d bytes together, and %d is the most"
            raise ValueError(message % (len(head), MAX_HEAD))
        self.no_body = self.is_head or status[:3] in ("204", "205", "304")
        self.head = head
        return self.write

    def write(self, data):
        """What start_response returns (PEP 3333, "The write() Callable"): sends at once."""
        if data:
            self.send(data)
        else:
            self.check_client()

    def check_client(self):
        """What every piece asks, an empty one as well."""
        if self.connection.disconnected():
            raise ClientGone("the client went away")

    def send(self, data, last=False):
        """Sends a piece. The reply is complete as soon as it has the announced length, before close()."""
        if self.head is None:
            raise AssertionError("the application gave a body before it called start_response")
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        if self.begun:
            self.check_client()
            if self.ended or not (data or last):
                return
        if self.length is not None and self.sent + len(data) > self.length and not self.no_body:
            data = data[: self.length - self.sent]  # as every server does; more would be the next reply's beginning
        self.sent += len(data)
        if self.is_head and not (last or self.begun):
            self.send_piece(b"", 0)  # more might follow: HEAD must not have the length of the first piece
            data = b""
        last = last or self.no_body or self.sent == self.length
        if len(data) > CHUNK:
            return self.send_pieces(data, last)
        self.send_piece(data, END if last else 0)

    def send_pieces(self, data, last):
        if last and not self.begun and self.length is None:
            self.head += b"\0Content-Length\0%d" % len(data)
        view = memoryview(data)
        for at in range(0, len(data), CHUNK):
            if at:
                self.check_client()
            is_end = last and at + CHUNK >= len(data)
            self.send_piece(bytes(view[at : at + CHUNK]), END if is_end else 0)

    def send_piece(self, data, flags):
        """From here on the end counts as sent, whatever interrupts this: the gateway must not get two.

        What comes behind the end, from whoever has kept write(), would be the next reply's.
        """
        with self.connection.writing:
            if self.ended:
                return
            self.ended = bool(flags & END)
            if self.begun:
                return self.connection.send(frame(flags, data))
            self.begun = True
            head = self.head
            length = 2 + len(head) + len(data)
            beginning = FRAME_AND_HEAD_LENGTH.pack(length | (HEAD | flags) << 24, len(head)) + head + data
            if flags & END:
                self.connection.send_whole(beginning)
            else:
                self.connection.send(beginning)

    def fail(self, text):
        """Ends it with an error, as text."""
        with self.connection.writing:
            if not self.ended:
                self.ended = True
                self.connection.send(frame(FAIL, text))
