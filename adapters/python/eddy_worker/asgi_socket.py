"""What an ASGI application gets for a WebSocket: `receive` and `send` of the WebSocket connection scope."""

from collections import deque

from .asgi_http import Exchange, STATUS
from .asgi_wire import ACCEPT, CLOSE, MAX_MESSAGE, READ, SEND_DATA, SEND_TEXT, WINDOW, join_fields, numbered
from .errors import ClientGone
from .wire import END


class Socket(Exchange):
    """A connection from its handshake to its end. Until it is accepted, it may be answered as a request is."""

    __slots__ = ("messages", "accepted", "closing")

    def __init__(self, gateway, number, scope):
        super().__init__(gateway, number, scope, b"", False, False)
        self.messages = deque([({"type": "websocket.connect"}, 0)])
        self.accepted = False
        self.closing = None  # what the application is told at the end

    def check_complete(self):
        """An application that returns has closed."""
        if self.accepted and self.closing is None:
            self.send_close(1000, "")
        elif not self.accepted and not self.gone:
            raise RuntimeError("the application has returned without accepting or closing the WebSocket")

    # What the gateway says.

    def receive_message(self, message, length):
        self.messages.append((message, length))
        self.wake()

    def close(self, code, reason):
        self.closing = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self.disconnect()

    # What the application says.

    async def receive(self):
        while not self.messages:
            if self.gone or self.ended:
                return self.closing or {"type": "websocket.disconnect", "code": 1006, "reason": ""}
            await self.until_change()
        message, length = self.messages.popleft()
        if length:
            self.gateway.write(numbered(READ, self.number, length.to_bytes(4, "little")))
        return message

    async def send(self, message):
        kind = message["type"]
        if self.gone:
            raise ClientGone("the WebSocket is closed")
        if kind == "websocket.send":
            if not self.accepted or self.ended:
                raise RuntimeError("websocket.send comes before websocket.accept, or behind websocket.close")
            await self.send_message(message)
        elif kind == "websocket.accept":
            if self.accepted or self.head is not None or self.begun:
                raise RuntimeError("websocket.accept comes behind the answer")
            self.accepted = True
            protocol = (message.get("subprotocol") or "").encode("latin-1")
            self.gateway.write(numbered(ACCEPT, self.number, join_fields(protocol, message.get("headers", ()))))
        elif kind == "websocket.close":
            if self.accepted:
                self.send_close(message.get("code", 1000), message.get("reason") or "")
            elif not self.ended:
                self.head = STATUS[403]
                self.write(b"", END)
        elif kind.startswith("websocket.http.response."):
            if self.accepted:
                raise RuntimeError("%s comes behind websocket.accept" % kind)
            await super().send({**message, "type": kind[len("websocket.") :]})
        else:
            raise RuntimeError("a WebSocket has no message %r" % (kind,))

    async def send_message(self, message):
        data, kind = message.get("bytes"), SEND_DATA
        if data is None:
            data, kind = message["text"].encode(), SEND_TEXT
        if len(data) > MAX_MESSAGE:
            raise ValueError("a message has %d bytes, and %d is the most" % (len(data), MAX_MESSAGE))
        self.behind += len(data)
        self.gateway.write(numbered(kind, self.number, data))
        while self.behind > WINDOW and not (self.gone or self.ended):
            await self.until_change()

    def send_close(self, code, reason):
        if self.ended:
            return
        self.ended = True
        self.closing = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self.gateway.write(numbered(CLOSE, self.number, code.to_bytes(2, "little") + reason.encode()))
        self.wake()
