from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

app = FastAPI()
guests = ["Ada"]


class Guest(BaseModel):
    name: str


@app.get("/guests")
async def show() -> list[str]:
    return guests


@app.post("/guests", status_code=201)
async def add(guest: Guest) -> Guest:
    guests.append(guest.name)
    return guest


@app.get("/numbers")
async def numbers():
    return StreamingResponse((f"{i}\n" for i in range(1, 1001)), media_type="text/plain")


@app.websocket("/chat")
async def chat(socket: WebSocket):
    await socket.accept()
    try:
        while True:
            await socket.send_text(f"Hello, {await socket.receive_text()}!")
    except WebSocketDisconnect:
        pass
