"""Autobahn (on asyncio) against an echo: text, binary, a long message, a ping, compression, a close. Prints what it got as JSON."""

import asyncio
import json
import sys

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)

got = {"messages": []}
sent = [("f\u00fcr dich", False), ("x" * 60000, False), (bytes(range(256)), True)]


class Client(WebSocketClientProtocol):
    def onConnect(self, response):
        got["protocol"] = response.protocol
        got["extensions"] = [str(one.EXTENSION_NAME) for one in response.extensions]

    def onOpen(self):
        self.sendPing(b"there?")

    def onPong(self, payload):
        got["pong"] = payload.decode()
        for payload, binary in sent:
            message = payload if binary else payload.encode()
            self.sendMessage(message, isBinary=binary, fragmentSize=1000)

    def onMessage(self, payload, isBinary):
        message = payload if isBinary else payload.decode()
        got["messages"].append((message, isBinary) == sent[len(got["messages"])])
        if len(got["messages"]) == len(sent):
            self.sendClose(4000, "bye")

    def onClose(self, wasClean, code, reason):
        got.update(clean=wasClean, code=code, reason=reason)
        asyncio.get_event_loop().stop()


def accept(response):
    if isinstance(response, PerMessageDeflateResponse):
        return PerMessageDeflateResponseAccept(response)


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
factory = WebSocketClientFactory(sys.argv[1], protocols=["chat.v1", "chat.v2"])
factory.protocol = Client
factory.setProtocolOptions(
    perMessageCompressionOffers=[PerMessageDeflateOffer()],
    perMessageCompressionAccept=accept,
)
loop.run_until_complete(loop.create_connection(factory, factory.host, factory.port))
loop.run_forever()
print(json.dumps(got))
