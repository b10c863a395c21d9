"""Applications that do one thing each that PEP 3333 speaks of."""

import io
import json
import os
import sys
import threading
import time

TEXT = ("Content-Type", "text/plain")
closed = []


class Unreadable(Exception):
    def __getattribute__(self, name):
        raise ValueError("on purpose")


class Meta(type):
    def __getattribute__(cls, name):
        raise ValueError("on purpose")


class Nameless(Exception, metaclass=Meta):
    pass


class Mute(Exception):
    def __str__(self):
        raise SystemExit("on purpose")


class Headless(Exception):
    __traceback__ = property(lambda self: 1 / 0)


def raises_oddly(environ, start_response):
    """What cannot be shown, by its name."""
    raise globals()[environ["QUERY_STRING"]]()


def hello(environ, start_response):
    start_response("200 OK", [TEXT])
    return [b"Hello, World!\n"]


def variables(environ, start_response):
    """The environ as JSON: texts as they are, other values by their type."""
    start_response("200 OK", [("Content-Type", "application/json")])
    plain = (str, bool, int, float, tuple)
    seen = {key: value if isinstance(value, plain) else type(value).__name__ for key, value in environ.items()}
    return [json.dumps(seen).encode()]


def writes(environ, start_response):
    write = start_response("200 OK", [TEXT])
    write(b"written, ")
    return [b"returned\n"]


def fails_and_explains(environ, start_response):
    """Replaces its head, which nobody has seen yet."""
    start_response("200 OK", [TEXT])
    try:
        raise ValueError("on purpose")
    except ValueError:
        start_response("503 Explained", [TEXT], sys.exc_info())
        return [b"sorry\n"]


def fails_too_late(environ, start_response):
    write = start_response("200 OK", [TEXT])
    write(b"begun\n")
    try:
        raise ValueError("on purpose")
    except ValueError:
        start_response("503 Explained", [TEXT], sys.exc_info())
    return [b"never seen"]


def starts_twice(environ, start_response):
    start_response("200 OK", [TEXT])
    start_response("200 OK", [TEXT])
    return [b""]


def never_starts(environ, start_response):
    return [b"body"]


def splits(environ, start_response):
    start_response("200 OK", [("X-Evil", "a\r\nSet-Cookie: b")])
    return [b""]


def heads_too_long(environ, start_response):
    start_response("200 OK", [("X-Long", "x" * 70000)])
    return [b"never seen"]


def leaves(environ, start_response):
    sys.exit("on purpose")


def logs(environ, start_response):
    errors = environ["wsgi.errors"]
    errors.write("a line, ")
    errors.writelines(["and its end\n", "another one"])
    errors.flush()
    print("printed", flush=True)
    start_response("200 OK", [TEXT])
    return Closing([b"logged\n"], lambda: errors.write("when closed\n"))


class Closing:
    def __init__(self, chunks, close):
        self.chunks = chunks
        self.close = close

    def __iter__(self):
        return iter(self.chunks)


def closes(environ, start_response):
    """How often each result was closed so far; the query says how the result is to end."""
    how = environ["QUERY_STRING"]
    if how == "seen":
        start_response("200 OK", [TEXT])
        return [json.dumps(closed).encode()]
    write = start_response("200 OK", [TEXT])
    if how == "writes":
        return Closing(writes_nothing(write), lambda: closed.append(how))
    return Closing(chunks(how), lambda: closed.append(how))


def writes_nothing(write):
    write(b"first\n")
    while True:
        write(b"")
        time.sleep(0.005)
    yield b"never"


def chunks(how):
    while how == "empty":  # not even its head is sent
        yield b""
        time.sleep(0.005)
    yield b"first\n"
    if how == "fails":
        raise ValueError("on purpose")
    while how == "endless":
        yield b"more\n"
    while how == "emptied":
        yield b""
        time.sleep(0.005)


def file(environ, start_response):
    start_response("200 OK", [TEXT])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"0123456789" * 100_000))


def measured(environ, start_response):
    """Announces another length than it has: the query is how much more."""
    start_response("200 OK", [TEXT, ("Content-Length", str(10 + int(environ["QUERY_STRING"])))])
    return iter([b"01234", b"56789"])


def uploads(environ, start_response):
    """Counts what it reads in pieces, and says when it has begun."""
    write = start_response("200 OK", [TEXT])
    write(b"begun\n")
    count = 0
    while True:
        piece = environ["wsgi.input"].read(65536)
        if not piece:
            break
        count += len(piece)
    return [b"%d bytes" % count]


def lines(environ, start_response):
    start_response("200 OK", [TEXT])
    return [b"|".join(line.rstrip(b"\n") for line in environ["wsgi.input"])]


def ignores(environ, start_response):
    """Reads no more of its body than the query says."""
    environ["wsgi.input"].read(int(environ["QUERY_STRING"]))
    start_response("200 OK", [TEXT])
    return [b"ignored\n"]


def big(environ, start_response):
    start_response("200 OK", [TEXT])
    return [b"x" * int(environ["QUERY_STRING"])]


def ignores_and_streams(environ, start_response):
    """Does not read its body, and answers in pieces."""
    start_response("200 OK", [TEXT])
    return iter([b"igno", b"red\n"])


pieces_sent = 0


def floods(environ, start_response):
    """As many MiB as the query says, in pieces; /sent: how many pieces of them went out."""
    start_response("200 OK", [TEXT])
    if environ["PATH_INFO"] == "/sent":
        return [b"%d" % pieces_sent]
    return flood(int(environ["QUERY_STRING"]) * 16)


def flood(pieces):
    global pieces_sent
    for _ in range(pieces):
        yield b"x" * 65536
        pieces_sent += 1


def latin1(environ, start_response):
    start_response("200 OK", [TEXT, ("X-Name", "caf\xe9")])
    return [environ["PATH_INFO"].encode("latin-1")]


def factory():
    return hello


class holder:
    app = staticmethod(hello)


def pid(environ, start_response):
    start_response("200 OK", [TEXT])
    return [b"%d" % os.getpid()]


barrier = threading.Barrier(2)


def meets(environ, start_response):
    """Answers when two requests are here at once."""
    barrier.wait()
    start_response("200 OK", [TEXT])
    return [b"met\n"]
