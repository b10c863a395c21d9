"""Keeps what belongs to a request, and uses it when that is over. The path is the name of a function below."""

import threading

START = ("200 OK", [("Content-Type", "text/plain")])

kept = []


def app(environ, start_response):
    return globals()[environ["PATH_INFO"][1:]](environ, start_response)


def answer(start_response, text):
    start_response(*START)
    return [str(text).encode()]


def keeps(environ, start_response):
    """Its write(), and fails before it has said anything."""
    kept.append(start_response(*START))
    raise RuntimeError("on purpose")


def begins(environ, start_response):
    """As `keeps`, in the middle of the reply."""
    write = start_response(*START)
    kept.append(write)
    write(b"begun\n")
    raise RuntimeError("on purpose")


def uses(environ, start_response):
    """Before its own reply, and in the middle of it."""
    write_all()
    start_response(*START)
    yield b"mine\n"
    write_all()
    yield b"mine\n"


def threaded(environ, start_response):
    """As `uses`, in another thread."""
    thread = threading.Thread(target=write_all)
    thread.start()
    thread.join()
    return answer(start_response, "mine")


def write_all():
    for write in kept:
        write(b"secret")


def reads(environ, start_response):
    """Leaves its body to a thread that goes on with it when the request is over."""
    body = environ["wsgi.input"]
    seen = []

    def read():
        while True:
            piece = body.read(1000)
            if not piece:
                break
            seen.append(piece)

    kept.append(seen)
    threading.Thread(target=read, name="reader").start()
    return answer(start_response, "left")


def seen(environ, start_response):
    """What those threads have read: a letter for each kind of byte."""
    for thread in threading.enumerate():
        if thread.name == "reader":
            thread.join()
    letters = set(b"".join(piece for pieces in kept for piece in pieces))
    return answer(start_response, "".join(map(chr, sorted(letters))))
