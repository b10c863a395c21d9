"""The same text by a bare ASGI application and by Starlette, a model by FastAPI, and an echo of WebSockets."""

import asyncio

TEXT = b"Hello, World!"
HEADERS = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"13")]


async def bare(scope, receive, send):
    if scope["type"] == "websocket":
        return await echo(receive, send)
    assert scope["type"] == "http"
    if scope["path"] == "/asleep":
        await asyncio.sleep(10)
    elif scope["path"] == "/slow":
        await asyncio.sleep(0.002)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": TEXT})


async def echo(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


def starlette():
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def hello(request):
        return PlainTextResponse(TEXT)

    return Starlette(routes=[Route("/", hello)])


def fastapi():
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Item(BaseModel):
        name: str
        price: float

    app = FastAPI()

    @app.get("/")
    async def item() -> Item:
        return Item(name="tea", price=1.5)

    return app
