"""What slow clients ask for: uploads, and long replies."""

import hashlib
import threading

TEXT = ("Content-Type", "text/plain")
PIECE = bytes(range(256)) * 256

closed = threading.Semaphore(0)


def app(environ, start_response):
    """/upload: the hash of the body, and its announced length. /long: so many pieces of 64 KiB as the query says.

    /closed: answers when one of the long replies was closed. Others: a greeting.
    """
    path = environ["PATH_INFO"]
    if path == "/long":
        count = int(environ["QUERY_STRING"])
        start_response("200 OK", [TEXT, ("Content-Length", str(count * len(PIECE)))])
        return Long(count)
    start_response("200 OK", [TEXT])
    if path == "/closed":
        closed.acquire()
    if path == "/upload":
        digest = hashlib.sha256(environ["wsgi.input"].read()).hexdigest()
        return [("%s %s" % (digest, environ.get("CONTENT_LENGTH"))).encode()]
    return [b"hello"]


class Long:
    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return (PIECE for _ in range(self.count))

    def close(self):
        closed.release()
