"""What an ASGI application gets for a request: `receive` and `send` of the HTTP connection scope."""

from asyncio import Event
from os import getpid

from .asgi_wire import HINT, PIECE, READ, TRAILED_HEAD, TRAILERS, WINDOW, join_fields, numbered, pack_head, pack_start
from .errors import ClientGone
from .tasks import PLACE
from .wire import END, HEAD

STATUS = {number: b"%d" % number for number in range(100, 600)}
DISCONNECTED = "http.disconnect"


class Wakeup:
    """Has coroutines wait until something has changed."""

    __slots__ = ("event",)

    def __init__(self):
        self.event = None

    async def wait(self):
        if self.event is None:
            self.event = Event()
        await self.event.wait()

    def wake(self):
        if self.event is not None:
            self.event.set()
            self.event = None


class Exchange:
    """One request and its reply."""

    __slots__ = (
        "gateway", "number", "place", "scope", "task", "grace", "is_head", "body", "more", "gone", "ended", "head",
        "begun", "behind", "change", "trailers", "is_touched",
    )  # fmt: skip

    def __init__(self, gateway, number, scope, body, is_streamed, is_head):
        self.gateway = gateway
        self.number = number
        self.place = gateway.begun  # that no other has
        self.scope = scope
        self.task = self.grace = None
        self.is_head = is_head
        self.body = None if is_streamed else body  # what the application has not read
        self.more = is_streamed  # pieces of the body follow
        self.gone = False  # nobody waits for the reply
        self.ended = False  # the reply is complete
        self.head = None  # not sent yet
        self.begun = False  # the head is sent
        self.behind = 0  # bytes that the client has not taken
        self.change = None  # made when somebody waits
        self.is_touched = False  # as `Gateway.touch` has it
        self.trailers = None  # those that have come, where some were announced

    async def run(self):
        gateway = self.gateway
        PLACE.set(self.place)
        try:
            await gateway.app(self.scope, self.receive, self.send)
            if not self.ended:
                self.check_complete()
        except BaseException as error:  # sys.exit() ends a request, not the worker
            gateway.fail(self, error)
        del gateway.exchanges[self.number]
        if self.grace is not None:
            self.grace.cancel()
        gateway.finished(self)

    def check_complete(self):
        if self.gone:
            return
        if self.head is None and not self.begun:
            raise RuntimeError("the application has returned without a reply")
        raise RuntimeError("the application has returned in the middle of its reply: more_body was true")

    # What the gateway says.

    def push(self, piece):
        self.body = piece if self.body is None else self.body + piece
        self.wake()

    def push_end(self):
        self.more = False
        if self.body is None:
            self.body = b""
        self.wake()

    def disconnect(self):
        self.gone = True
        self.wake()

    def taken(self, count):
        self.behind -= count
        self.wake()

    def wake(self):
        if self.change is not None:
            self.change.wake()

    async def until_change(self):
        if self.change is None:
            self.change = Wakeup()
        await self.change.wait()

    def disconnected(self):
        """scope["eddy.disconnected"]: true when the client has left."""
        return self.gone

    # What the application says.

    async def receive(self):
        while True:
            if self.gone or self.ended:
                return {"type": DISCONNECTED}
            body = self.body
            if body is not None:
                self.body = None
                if body and self.more:
                    self.gateway.write(numbered(READ, self.number, len(body).to_bytes(4, "little")))
                return {"type": "http.request", "body": body, "more_body": self.more}
            await self.until_change()

    async def send(self, message):
        kind = message["type"]
        if kind == "http.response.body":
            if self.gone:
                raise ClientGone("the client went away")
            body = message.get("body", b"")
            more = message.get("more_body", False)
            if self.head is None and not self.begun:
                raise RuntimeError("http.response.body comes before http.response.start")
            if self.ended or self.trailers == []:
                raise RuntimeError("http.response.body comes when the body is complete")
            if type(body) is not bytes:
                body = bytes(memoryview(body))
            if len(body) > PIECE or more or self.trailers is not None:
                await self.send_pieces(body, more)
            else:
                self.write(body, END)
        elif kind == "http.response.start":
            if self.head is not None or self.begun:
                raise RuntimeError("http.response.start comes twice")
            self.head = join_fields(STATUS[message["status"]], message.get("headers", ()))
            if message.get("trailers"):
                self.trailers = ()
            self.gateway.touch(self)
        elif kind == "http.response.trailers":
            self.send_trailers(message)
        elif kind == "http.response.early_hint":
            links = [(b"link", link) for link in message.get("links", ())]
            self.gateway.write(numbered(HINT, self.number, join_fields(b"", links)))
        else:
            raise RuntimeError("an HTTP exchange has no message %r" % (kind,))

    async def send_pieces(self, body, more):
        """A piece after the other, as the client takes them."""
        view = memoryview(body)
        for at in range(0, len(body) or 1, PIECE):
            piece = bytes(view[at : at + PIECE])
            is_end = not more and self.trailers is None and at + PIECE >= len(body)
            self.write(piece, END if is_end else 0)
            while self.behind > WINDOW and not (self.gone or self.ended):
                await self.until_change()
            if self.gone:
                raise ClientGone("the client went away")
        if not more and self.trailers is not None:
            self.trailers = []

    def send_trailers(self, message):
        if not isinstance(self.trailers, list):
            raise RuntimeError("http.response.trailers comes before the end of the body, or was not announced")
        self.trailers += message.get("headers", ())
        if not message.get("more_trailers", False):
            self.gateway.write(numbered(TRAILERS, self.number, join_fields(b"", self.trailers)))
            self.trailers = None
            self.write(b"", END)

    def write(self, data, flags):
        if getpid() != self.gateway.pid:
            self.gateway.refuse()
        gateway = self.gateway
        if self.is_head and not (flags and not self.begun):
            data = b""  # only of a whole reply the length is known
        if flags:
            self.ended = True
            if self.change is not None:
                self.change.wake()  # who waits for the client to leave
        else:
            self.behind += len(data)
        if self.begun:
            if data or flags:
                gateway.write(pack_start(len(data) + 4 | flags << 24, self.number) + data)
                if flags:
                    gateway.touch(self)
            return
        self.begun = True
        head, self.head = self.head, None
        kind = HEAD | flags if self.trailers is None or flags else TRAILED_HEAD
        start = pack_head(len(data) + len(head) + 6 | kind << 24, self.number, len(head))
        gateway.out.append(start + head + data)

    def settle(self):
        """At the end of the turn: a head leaves without a body that has not come."""
        if self.head is not None and not self.gone:
            self.write(b"", 0)
