"""Tornado's client against an echo, as the one of Autobahn."""

import asyncio
import json
import sys

from tornado.websocket import websocket_connect

sent = ["f\u00fcr dich", "x" * 60000, bytes(range(256))]


async def main():
    client = await websocket_connect(
        sys.argv[1],
        subprotocols=["chat.v1", "chat.v2"],
        compression_options={},
    )
    got = {"protocol": client.selected_subprotocol, "messages": []}
    for message in sent:
        await client.write_message(message, binary=isinstance(message, bytes))
    for message in sent:
        got["messages"].append(await client.read_message() == message)
    client.close(4000, "bye")
    await client.read_message()
    got.update(code=client.close_code, reason=client.close_reason)
    print(json.dumps(got))


asyncio.run(main())
