"""What the mixed load asks of Python: replies, uploads, and children that a handler leaves behind."""

import os
import sys


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fork/raises" and os.fork() == 0:
        raise RuntimeError("a child's own")
    if path == "/fork/exits" and os.fork() == 0:
        sys.exit(0)
    if path == "/fork/returns" and os.fork() == 0:
        start_response("200 OK", [])
        return [b"the child's"]
    body = environ["wsgi.input"].read()
    while path.startswith("/fork/"):
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                break
        except ChildProcessError:
            break
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"%d" % len(body)]
