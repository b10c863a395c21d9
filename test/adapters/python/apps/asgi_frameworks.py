"""The same few things by Starlette, FastAPI, Django and Quart, and by WsgiToAsgi; one application for each."""

import asyncio
import hashlib


def starlette():
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocketDisconnect

    done = []

    async def hello(request):
        return PlainTextResponse("Hello, World!")

    async def upload(request):
        file = (await request.form())["file"]
        digest = hashlib.sha256(await file.read()).hexdigest()
        return JSONResponse({"name": file.filename, "sha256": digest})

    async def big(request):
        digest, length = hashlib.sha256(), 0
        async for piece in request.stream():
            digest.update(piece)
            length += len(piece)
        return JSONResponse({"length": length, "sha256": digest.hexdigest()})

    def in_thread(request):
        return PlainTextResponse("from a thread")

    async def stream(request):
        async def pieces():
            for number in range(3):
                yield "%d\n" % number
                await asyncio.sleep(0.001)

        return StreamingResponse(pieces(), media_type="text/plain")

    async def background(request):
        return PlainTextResponse(",".join(done), background=BackgroundTask(lambda: done.append("done")))

    async def socket(websocket):
        await websocket.accept(subprotocol=websocket.scope["subprotocols"][0])
        try:
            while True:
                await websocket.send_text((await websocket.receive_text()).upper())
        except WebSocketDisconnect:
            pass

    return Starlette(
        routes=[
            Route("/", hello),
            Route("/upload", upload, methods=["POST"]),
            Route("/big", big, methods=["POST"]),
            Route("/thread", in_thread),
            Route("/stream", stream),
            Route("/background", background),
            WebSocketRoute("/socket", socket),
        ]
    )


def fastapi():
    from typing import List

    from fastapi import FastAPI, WebSocket
    from fastapi.responses import PlainTextResponse
    from pydantic import BaseModel

    app = FastAPI()
    prices = []

    class Item(BaseModel):
        name: str
        price: float
        tags: List[str] = []

    @app.on_event("startup")
    async def startup():
        prices.append(1.5)

    @app.get("/", response_class=PlainTextResponse)
    async def hello():
        return "Hello, World!"

    @app.get("/item")
    async def item() -> Item:
        return Item(name="tea", price=prices[0], tags=["hot"])

    @app.post("/item", response_model=Item)
    def make(item: Item):
        return item

    @app.websocket("/socket")
    async def socket(websocket: WebSocket):
        await websocket.accept(subprotocol="v1")
        await websocket.send_text((await websocket.receive_text()).upper())
        await websocket.close(4000)

    return app


def django():
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
    from django.urls import path

    def upload(request):
        file = request.FILES["file"]
        return JsonResponse({"name": file.name, "sha256": hashlib.sha256(file.read()).hexdigest()})

    async def hello(request):
        return HttpResponse("Hello, World!")

    def stream(request):
        return StreamingHttpResponse(("%d\n" % number for number in range(3)), content_type="text/plain")

    async def fails(request):
        raise ValueError("on purpose")

    global urlpatterns
    urlpatterns = [path("", hello), path("upload", upload), path("stream", stream), path("fails", fails)]
    settings.configure(SECRET_KEY="of the tests", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None)
    return get_asgi_application()


def quart():
    from quart import Quart, jsonify, request, websocket

    app = Quart(__name__)

    @app.route("/")
    async def hello():
        return "Hello, World!"

    @app.route("/upload", methods=["POST"])
    async def upload():
        file = (await request.files)["file"]
        return jsonify({"name": file.filename, "sha256": hashlib.sha256(file.read()).hexdigest()})

    @app.route("/stream")
    async def stream():
        async def pieces():
            for number in range(3):
                yield b"%d\n" % number

        return pieces(), 200, {"content-type": "text/plain"}

    @app.websocket("/socket")
    async def socket():
        await websocket.accept(subprotocol="v1")
        while True:
            await websocket.send((await websocket.receive()).upper())

    return app


def wsgi_to_asgi():
    from asgiref.wsgi import WsgiToAsgi

    def wsgi(environ, start_response):
        body = environ["wsgi.input"].read() or b"Hello, World!"
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    return WsgiToAsgi(wsgi)
