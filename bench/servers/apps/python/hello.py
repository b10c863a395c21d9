"""The same text by a bare WSGI application and by Flask."""

import hashlib
import os
import time

TEXT = b"Hello, World!"


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [TEXT]


def bodies(environ, start_response):
    """POST: stops for three seconds, then reads all of the body in pieces. GET: as many MiB as the query says, in pieces. """
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.002)
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["REQUEST_METHOD"] == "POST":
        digest = hashlib.md5(environ["wsgi.input"].read(1024))
        time.sleep(3)
        for piece in iter(lambda: environ["wsgi.input"].read(65536), b""):
            digest.update(piece)
        return [digest.hexdigest().encode()]
    if environ["QUERY_STRING"]:
        return (b"x" * 65536 for _ in range(16 * int(environ["QUERY_STRING"])))
    return [b"%d" % os.getpid()]


try:
    from flask import Flask

    flask_app = Flask(__name__)
    flask_app.add_url_rule("/", view_func=lambda: TEXT.decode())
except ImportError:
    flask_app = None
