"""ASGI applications for the tests: what a server says to them, and what becomes of what they say."""

import asyncio
import hashlib
import json
import os
import sys
import time
from contextvars import ContextVar

which = ContextVar("which", default="nobody")
desk = os.environ.get("DESK", "")


def note(name, text):
    with open(os.path.join(desk, name), "a") as file:
        file.write("%s\n" % text)


async def read(receive):
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        if not message["more_body"]:
            return body


async def answer(send, text, status=200, headers=()):
    fields = [(b"content-type", b"text/plain"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": text if isinstance(text, bytes) else str(text).encode()})


async def hello(scope, receive, send):
    await answer(send, "Hello, World!")


async def show_scope(scope, receive, send):
    shown = {
        key: value for key, value in scope.items() if key not in ("state", "eddy.disconnected", "headers", "extensions")
    }
    shown["headers"] = sorted([name.decode(), value.decode("latin-1")] for name, value in scope["headers"])
    shown["state"] = {key: str(value) for key, value in scope["state"].items()}
    shown["extensions"] = sorted(scope["extensions"])
    await answer(send, json.dumps(shown, default=repr))


async def echo(scope, receive, send):
    await answer(send, await read(receive))


async def digest(scope, receive, send):
    """Reads a long body slowly enough to be behind."""
    sum, length = hashlib.sha256(), 0
    while True:
        message = await receive()
        sum.update(message["body"])
        length += len(message["body"])
        if not message["more_body"]:
            break
    await answer(send, "%d %s" % (length, sum.hexdigest()))


async def late_reader(scope, receive, send):
    """How much was there when it began to read, and how much came."""
    note("begun", "")
    while not os.path.exists(os.path.join(desk, "go")):
        await asyncio.sleep(0.005)
    lengths, more = [], True
    while more:
        message = await receive()
        lengths.append(len(message["body"]))
        more = message["more_body"]
    await answer(send, "%d %d" % (lengths[0], sum(lengths)))


async def count_to(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(int(scope["query_string"])):
        await send({"type": "http.response.body", "body": b"%d\n" % number, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


sent = 0


async def flood(scope, receive, send):
    """As much as the client takes."""
    global sent
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            sent += 65536
    finally:
        note("flood", "ended")


async def show_sent(scope, receive, send):
    await answer(send, sent)


async def head_first(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-first", b"yes")]})
    await asyncio.sleep(int(scope["query_string"] or 0) / 1000)
    while not os.path.exists(os.path.join(desk, "go")):
        await asyncio.sleep(0.005)
    await send({"type": "http.response.body", "body": b"then"})


async def whole_first(scope, receive, send):
    """All that its length promises, and the end of the reply when it may go."""
    which.set(scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"whole", "more_body": True})
    while not os.path.exists(os.path.join(desk, "go")):
        await asyncio.sleep(0.005)
    note("whole", which.get())
    await send({"type": "http.response.body", "body": b""})


async def sleep(scope, receive, send):
    await asyncio.sleep(float(scope["query_string"]))
    await answer(send, "awake")


async def until_left(scope, receive, send):
    note("begun", scope["eddy.disconnected"]())
    message = await receive()
    if message["type"] == "http.request":
        message = await receive()
    note("left", message["type"] + " %s" % scope["eddy.disconnected"]())


async def deaf(scope, receive, send):
    note("begun", "")
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        note("left", "cancelled")
        raise


async def behind(scope, receive, send):
    """Goes on behind its reply, as background tasks do."""
    await answer(send, os.getpid())
    while not os.path.exists(os.path.join(desk, "go")):
        await asyncio.sleep(0.005)
    note("behind", "done")
    raise ValueError("behind the reply")


async def tell_which(scope, receive, send):
    """Each request has a context of its own."""
    before = which.get()
    which.set(scope["path"])
    await asyncio.sleep(0.01)
    await answer(send, "%s %s" % (before, which.get()))


async def raises(scope, receive, send):
    raise ValueError("on purpose")


async def raises_late(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    raise ValueError("on purpose")


async def exits(scope, receive, send):
    sys.exit(3)


async def says_nothing(scope, receive, send):
    pass


async def kill(scope, receive, send):
    os.kill(os.getpid(), 9)


async def hangs(scope, receive, send):
    await inner()


async def inner():
    await asyncio.sleep(1000)


async def blocks(scope, receive, send):
    time.sleep(float(scope["query_string"] or 1000))
    await answer(send, "done")


async def hangs_in_tasks(scope, receive, send):
    """As below a middleware of Starlette's, and below Quart: the view has a task of its own, and that has others."""
    await asyncio.wait([asyncio.ensure_future(gather())])


async def gather():
    await asyncio.gather(inner(), asyncio.sleep(1000))


async def blocks_in_task(scope, receive, send):
    await asyncio.wait([asyncio.ensure_future(block(float(scope["query_string"])))])
    await answer(send, "done")


async def block(seconds):
    time.sleep(seconds)


async def pid(scope, receive, send):
    await answer(send, os.getpid())


async def forks(scope, receive, send):
    child = os.fork()
    if not child:
        await asyncio.sleep(0)
        note("child", "has come back to the loop")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    await answer(send, os.WEXITSTATUS(status))


async def forks_and_exits(scope, receive, send):
    child = os.fork()
    if not child:
        sys.exit(7)
    _, status = os.waitpid(child, 0)
    await answer(send, os.WEXITSTATUS(status))


async def forks_in_thread(scope, receive, send):
    def fork():
        child = os.fork()
        return 0 if not child else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    await answer(send, await asyncio.get_running_loop().run_in_executor(None, fork))


async def has_trailers(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"trailer", b"x-sum")], "trailers": True})
    await send({"type": "http.response.body", "body": b"body"})
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"4")]})


async def hints(scope, receive, send):
    await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload; as=style"]})
    await answer(send, "hinted")


async def bad_header(scope, receive, send):
    await answer(send, "no", headers=[(b"x-bad", b"a\r\nb: c")])


async def loop_name(scope, receive, send):
    await answer(send, type(asyncio.get_running_loop()).__module__)


PATHS = {
    "/": hello, "/scope": show_scope, "/echo": echo, "/digest": digest, "/count": count_to, "/flood": flood,
    "/sent": show_sent, "/head": head_first, "/sleep": sleep, "/until-left": until_left, "/deaf": deaf,
    "/behind": behind, "/raises": raises, "/raises-late": raises_late, "/exits": exits, "/nothing": says_nothing,
    "/kill": kill, "/hangs": hangs, "/blocks": blocks, "/pid": pid, "/forks": forks, "/forks-exits": forks_and_exits,
    "/forks-thread": forks_in_thread, "/trailers": has_trailers, "/hints": hints, "/bad": bad_header,
    "/loop": loop_name, "/whole": whole_first, "/hangs-in-tasks": hangs_in_tasks, "/blocks-in-task": blocks_in_task,
    "/late-reader": late_reader,
}  # fmt: skip


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        return await socket(scope, receive, send)
    assert scope["type"] == "http"  # as applications without a lifespan do
    path = scope["path"][len(scope["root_path"]) :]
    await PATHS.get(path, tell_which)(scope, receive, send)


async def socket(scope, receive, send):
    path = scope["path"]
    assert (await receive())["type"] == "websocket.connect"
    if path == "/mute":
        await inner()
    if path == "/refuse":
        return await send({"type": "websocket.close", "code": 4001})
    if path == "/deny":
        await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-why", b"who")]})
        return await send({"type": "websocket.http.response.body", "body": b"who are you?"})
    protocols = scope["subprotocols"]
    headers = [(b"x-path", path.encode())]
    await send({"type": "websocket.accept", "subprotocol": protocols[-1] if protocols else None, "headers": headers})
    if path == "/raise":
        raise ValueError("on purpose")
    if path == "/exit":
        sys.exit(3)
    if path == "/talk":
        try:
            while True:
                await send({"type": "websocket.send", "text": "on and on"})
                await asyncio.sleep(0.001)
        except OSError as error:
            note("raised", type(error).__name__)
            raise
    if path == "/burst":
        for number in range(int(scope["query_string"])):
            await send({"type": "websocket.send", "bytes": b"x" * 65536})
            note("sent", number)
        return
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return note("closed", "%s %s" % (message["code"], message.get("reason", "")))
        if message.get("text") == "close":
            return await send({"type": "websocket.close", "code": 4321, "reason": "as you wish"})
        if message.get("text") == "pid":
            message["text"] = str(os.getpid())
        if path == "/slow":
            while not os.path.exists(os.path.join(desk, "go")):
                await asyncio.sleep(0.005)
        note("messages", len(message.get("bytes") or message["text"]))
        await send({**message, "type": "websocket.send"})


def wsgi_or_asgi(*args):
    """Nobody can see what it is."""
    return app(*args)


class Asgi2:
    def __init__(self, scope):
        assert scope["type"] == "http"
        self.scope = scope

    async def __call__(self, receive, send):
        await answer(send, "ASGI 2")


class WithLifespan:
    """Notes what it is told, and does what LIFESPAN says."""

    async def __call__(self, scope, receive, send):
        if scope["type"] != "lifespan":
            return await show_scope(scope, receive, send)
        how = os.environ.get("LIFESPAN", "")
        message = await receive()
        note("lifespan", message["type"])
        if how == "fails":
            return await send({"type": "lifespan.startup.failed", "message": "there is no database"})
        if how == "raises":
            raise ValueError("on purpose")
        scope["state"]["pool"] = "ten connections"
        await send({"type": "lifespan.startup.complete"})
        note("lifespan", (await receive())["type"])
        await asyncio.sleep(0.3)
        note("lifespan", "closed")
        await send({"type": "lifespan.shutdown.complete"})


with_lifespan = WithLifespan()
