"""Replies that leave out what they may."""

import os


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/reset":
        start_response("205 Reset Content", [])
        return [b"hello"]
    if path == "/write":
        write = start_response("200 OK", [])
        write(b"first")
        write(b"second")
        return []
    start_response("200 OK", [])
    if path == "/list":
        return [b"hello"]
    if path == "/environ":
        return [os.environ["SERVER_SOFTWARE"].encode()]
    return (piece for piece in (b"first", b"second"))
