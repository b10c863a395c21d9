"""The same things by Starlette, FastAPI, Django and Quart, and by WsgiToAsgi; one application for each.

Each has what it can do of: forms, long uploads, streams, tasks behind replies, WebSockets, lifespan.
"""

import asyncio
import hashlib
import os
import time

PIECES = ["%d\n" % number for number in range(3)]


def note(text):
    """Of the lifespan, where somebody wants to know."""
    if "DESK" not in os.environ:
        return
    with open(os.path.join(os.environ["DESK"], "lifespan"), "a") as file:
        file.write(text + "\n")


def form_of(fields, name=None, data=None):
    """What has come of a form."""
    return {"fields": sorted(fields), "file": name, "sha256": data is not None and hashlib.sha256(data).hexdigest()}


class Sum:
    """Of a long upload."""

    def __init__(self):
        self.digest, self.length = hashlib.sha256(), 0

    def add(self, piece):
        self.digest.update(piece)
        self.length += len(piece)

    def show(self):
        return {"length": self.length, "sha256": self.digest.hexdigest()}


async def pieces():
    for piece in PIECES:
        yield piece
        await asyncio.sleep(0.001)


async def hang():
    await asyncio.sleep(1000)


def starlette():
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute

    done = []

    async def hello(request):
        return PlainTextResponse("Hello, World!")

    async def form(request):
        form = await request.form()
        fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        file = form.get("file")
        return JSONResponse(form_of(fields, file.filename, await file.read()) if file else form_of(fields))

    async def big(request):
        sum = Sum()
        async for piece in request.stream():
            sum.add(piece)
        return JSONResponse(sum.show())

    def in_thread(request):
        return PlainTextResponse("from a thread")

    async def stream(request):
        return StreamingResponse(pieces(), media_type="text/plain")

    async def background(request):
        return PlainTextResponse(",".join(done), background=BackgroundTask(done.append, "done"))

    async def hangs(request):
        await hang()

    return Starlette(
        routes=[
            Route("/", hello),
            Route("/form", form, methods=["POST"]),
            Route("/big", big, methods=["POST"]),
            Route("/thread", in_thread),
            Route("/stream", stream),
            Route("/background", background),
            Route("/hangs", hangs),
            WebSocketRoute("/socket", socket_of_starlette),
            WebSocketRoute("/refuse", refuse_of_starlette),
        ],
        on_startup=[lambda: note("startup")],
        on_shutdown=[lambda: note("shutdown")],
    )


async def socket_of_starlette(websocket):
    """Says what it gets in capitals, until it is to close."""
    await websocket.accept(subprotocol=websocket.scope["subprotocols"][0])
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("bytes") is not None:
            await websocket.send_bytes(message["bytes"].upper())
        elif message["text"] == "close":
            return await websocket.close(4000)
        else:
            await websocket.send_text(message["text"].upper())


async def refuse_of_starlette(websocket):
    await websocket.close()


def fastapi():
    from typing import List

    from fastapi import BackgroundTasks, FastAPI, File, Form, Request, UploadFile, WebSocket
    from fastapi.responses import PlainTextResponse, StreamingResponse
    from pydantic import BaseModel

    app = FastAPI()
    prices, done = [], []

    class Item(BaseModel):
        name: str
        price: float
        tags: List[str] = []

    @app.on_event("startup")
    async def startup():
        note("startup")
        prices.append(1.5)

    @app.on_event("shutdown")
    def shutdown():
        note("shutdown")

    @app.get("/", response_class=PlainTextResponse)
    async def hello():
        return "Hello, World!"

    @app.get("/item")
    async def item() -> Item:
        return Item(name="tea", price=prices[0], tags=["hot"])

    @app.post("/item", response_model=Item)
    def make(item: Item):
        return item

    @app.post("/form")
    async def form(name: str = Form(...), tag: List[str] = Form([]), file: UploadFile = File(None)):
        fields = [("name", name), *(("tag", one) for one in tag)]
        return form_of(fields, file.filename, await file.read()) if file else form_of(fields)

    @app.post("/big")
    async def big(request: Request):
        sum = Sum()
        async for piece in request.stream():
            sum.add(piece)
        return sum.show()

    @app.get("/stream")
    async def stream():
        return StreamingResponse(pieces(), media_type="text/plain")

    @app.get("/background", response_class=PlainTextResponse)
    async def background(tasks: BackgroundTasks):
        tasks.add_task(done.append, "done")
        return ",".join(done)

    @app.get("/hangs")
    async def hangs():
        await hang()

    @app.get("/blocks", response_class=PlainTextResponse)
    async def blocks(seconds: float):
        time.sleep(seconds)
        return "done"

    @app.websocket("/socket")
    async def socket(websocket: WebSocket):
        await socket_of_starlette(websocket)

    @app.websocket("/refuse")
    async def refuse(websocket: WebSocket):
        await refuse_of_starlette(websocket)

    return app


def fastapi_behind_middleware():
    """Whose views run in tasks of their own."""
    app = fastapi()

    @app.middleware("http")
    async def hand_on(request, call_next):
        return await call_next(request)

    return app


def django():
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
    from django.urls import path

    def form(request):
        fields = [(name, value) for name, values in request.POST.lists() for value in values]
        file = request.FILES.get("file")
        return JsonResponse(form_of(fields, file.name, file.read()) if file else form_of(fields))

    def big(request):
        sum = Sum()
        for piece in iter(lambda: request.read(65536), b""):
            sum.add(piece)
        return JsonResponse(sum.show())

    async def hello(request):
        return HttpResponse("Hello, World!")

    def stream(request):
        return StreamingHttpResponse(iter(PIECES), content_type="text/plain")

    async def fails(request):
        raise ValueError("on purpose")

    async def hangs(request):
        await hang()

    global urlpatterns
    urlpatterns = [
        path("", hello), path("form", form), path("big", big), path("stream", stream), path("fails", fails),
        path("hangs", hangs),
    ]  # fmt: skip
    settings.configure(SECRET_KEY="of the tests", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None)
    return get_asgi_application()


def quart():
    from quart import Quart, jsonify, request, websocket

    app = Quart(__name__)
    app.config["MAX_CONTENT_LENGTH"] = None
    done = []

    @app.before_serving
    async def startup():
        note("startup")

    @app.after_serving
    async def shutdown():
        note("shutdown")

    @app.route("/")
    async def hello():
        return "Hello, World!"

    @app.route("/form", methods=["POST"])
    async def form():
        fields = list((await request.form).items(multi=True))
        file = (await request.files).get("file")
        return jsonify(form_of(fields, file.filename, file.read()) if file else form_of(fields))

    @app.route("/big", methods=["POST"])
    async def big():
        sum = Sum()
        async for piece in request.body:
            sum.add(piece)
        return jsonify(sum.show())

    @app.route("/stream")
    async def stream():
        return (piece.encode() async for piece in pieces()), 200, {"content-type": "text/plain"}

    @app.route("/background")
    async def background():
        async def finish():
            done.append("done")

        app.add_background_task(finish)
        return ",".join(done[:1])

    @app.route("/hangs")
    async def hangs():
        await hang()

    @app.websocket("/socket")
    async def socket():
        await websocket.accept(subprotocol="v1")
        while True:
            message = await websocket.receive()
            if message == "close":
                return await websocket.close(4000)
            await websocket.send(message.upper())

    @app.websocket("/refuse")
    async def refuse():
        await websocket.close(1000)

    return app


def wsgi_to_asgi():
    """Below an application of werkzeug's, which Quart has with it."""
    from asgiref.wsgi import WsgiToAsgi
    from werkzeug.wrappers import Request, Response

    def big(request):
        sum = Sum()
        for piece in iter(lambda: request.environ["wsgi.input"].read(65536), b""):
            sum.add(piece)
        return sum.show()

    def form(request):
        fields, file = list(request.form.items(multi=True)), request.files.get("file")
        return form_of(fields, file.filename, file.read()) if file else form_of(fields)

    @Request.application
    def wsgi(request):
        if request.path == "/":
            return Response("Hello, World!")
        if request.path == "/stream":
            return Response(iter(PIECES))
        if request.path in ("/form", "/big"):
            return Response(repr(form(request) if request.path == "/form" else big(request)))
        return Response("there is nothing", 404)

    return WsgiToAsgi(wsgi)
