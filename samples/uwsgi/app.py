def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    name = environ["PATH_INFO"].lstrip("/") or "World"
    return [f"Hello, {name}, from Python for {environ['REMOTE_ADDR']}.\n".encode()]
