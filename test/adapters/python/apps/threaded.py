"""Starts a thread when it is imported, which copies of the process do not have."""

import threading
import time


def idle():
    while True:
        time.sleep(60)


threading.Thread(target=idle, name="idler", daemon=True).start()


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join(one.name for one in threading.enumerate()).encode()]
