"""What runs in processes: it gives nothing for ever, or begins a reply, and tells of its end at the socket TOLD."""

import os
import socket
import time

told = socket.socket(socket.AF_UNIX)
told.connect(os.environ["TOLD"])


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    told.sendall(environ["QUERY_STRING"].encode() + b"\n")
    return Reply(environ["PATH_INFO"] == "/stream")


class Reply:
    def __init__(self, begins):
        self.begins = begins

    def __iter__(self):
        if self.begins:
            yield b"begun"
        while True:
            time.sleep(0.001)
            yield b""  # sees whether the client is there

    def close(self):
        told.sendall(b"left\n")


async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    told.sendall(scope["query_string"] + b"\n")
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass
    told.sendall(b"left\n")
