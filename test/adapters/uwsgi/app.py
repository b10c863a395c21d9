"""What the tests ask of a server that speaks uwsgi."""
import os, signal


def echo(environ):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    parts, left = [], length
    while left:
        part = environ["wsgi.input"].read(min(left, 65536))
        if not part:
            break
        parts.append(part)
        left -= len(part)
    body = b"".join(parts)
    return "200 OK", [("Content-Length", str(len(body))), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], [body]


def variables(environ):
    lines = ["%s=%s" % (k, v) for k, v in sorted(environ.items()) if k == k.upper()]
    lines.append("url_scheme=%s" % environ["wsgi.url_scheme"])
    return "200 OK", [], ["\n".join(lines).encode("latin-1")]


def stream(environ):
    count = int(environ["QUERY_STRING"])
    return "200 OK", [], (b"x" * 65536 for _ in range(count))


def status(environ):
    return environ["QUERY_STRING"] + " Whatever", [], []


def die(environ):
    os.kill(os.getpid(), signal.SIGKILL)


def die_late(environ):
    yield b"begun"
    os.kill(os.getpid(), signal.SIGKILL)


def application(environ, start_response):
    name = environ["PATH_INFO"].rsplit("/", 1)[-1]
    if name == "die_late":
        start_response("200 OK", [("Content-Length", "100")])
        return die_late(environ)
    line, headers, body = globals()[name](environ)
    start_response(line, [("Content-Type", "text/plain")] + headers)
    return body
