"""An application with ASGI whose sleep is that of the library that GREEN names: its event loop waits in a greenlet."""

import os

if os.environ["GREEN"] == "gevent":
    from gevent import monkey

    monkey.patch_all()
else:
    from eventlet import monkey_patch

    monkey_patch()

import time


async def app(scope, receive, send):
    assert scope["type"] == "http"
    sleeps(float(scope["query_string"] or 0))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


def sleeps(seconds):
    time.sleep(seconds)
