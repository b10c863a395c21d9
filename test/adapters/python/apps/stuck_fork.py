"""It can be imported, and a copy of it is never made, or never begins to serve: what WHEN says hangs."""

import os
import signal


def hang():
    signal.alarm(30)  # at the latest
    while True:
        signal.pause()


os.register_at_fork(**{os.environ["WHEN"]: hang})


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"it serves"]
