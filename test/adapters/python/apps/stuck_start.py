"""It can be imported, and never comes to serve: what WHEN says hangs, a thread's start or a step of a fork."""

import os
import signal
import threading


def hang(*_):
    signal.alarm(30)  # at the latest
    while True:
        signal.pause()


if os.environ["WHEN"] == "start":
    threading.Thread.start = hang
else:
    os.register_at_fork(**{os.environ["WHEN"]: hang})


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"it serves"]
