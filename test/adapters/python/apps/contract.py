"""The contract's applications, as they are and within Python's own validator."""

from wsgiref.validate import validator

TEXT = ("Content-Type", "text/plain")

ended = 0  # bodies of `endless` that were told to end, here


def echo(environ, start_response):
    start_response(
        "200 OK",
        [
            ("Content-Type", environ.get("CONTENT_TYPE") or "text/plain"),
            ("X-Method", environ["REQUEST_METHOD"]),
            ("X-Path", environ["SCRIPT_NAME"] + environ["PATH_INFO"]),
            ("X-Query", environ["QUERY_STRING"]),
            ("X-Sent", environ.get("HTTP_X_SENT", "")),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
        ],
    )
    return [environ["wsgi.input"].read(-1)]


def status(environ, start_response):
    code = environ["QUERY_STRING"]
    bodiless = code in ("204", "304")
    start_response(code + " As Asked", [("X-Status", code)] + ([] if bodiless else [TEXT]))
    return [b"" if bodiless else b"body"]


def stream(environ, start_response):
    start_response("200 OK", [TEXT])
    return (b"line %d\n" % (i + 1) for i in range(int(environ["QUERY_STRING"])))


def throws(environ, start_response):
    raise ValueError("on purpose")


def throwsLate(environ, start_response):
    start_response("200 OK", [TEXT])
    yield b"begun\n"
    raise ValueError("on purpose")


def endless(environ, start_response):
    start_response("200 OK", [TEXT])
    return [b"%d" % ended] if environ["QUERY_STRING"] == "ended" else ticks()


def ticks():
    global ended
    try:
        while True:
            yield b"tick\n"
    finally:
        ended += 1


validEcho = validator(echo)
validStatus = validator(status)
validStream = validator(stream)
validThrows = validator(throws)
validThrowsLate = validator(throwsLate)
validEndless = validator(endless)
