"""What Flask applications do: sessions, forms, uploads, streams, files, errors."""

import hashlib
import io

from flask import Flask, Response, abort, request, send_file, session, stream_with_context

app = Flask(__name__)
app.secret_key = "of the tests"


@app.route("/")
def hello():
    return "Hello, World!"


@app.route("/count")
def count():
    session["count"] = session.get("count", 0) + 1
    return {"count": session["count"]}


@app.route("/form", methods=["POST"])
def form():
    return {"name": request.form["name"], "json": request.is_json}


@app.route("/upload", methods=["POST"])
def upload():
    data = request.files["file"]
    return {"name": data.filename, "sha256": hashlib.sha256(data.read()).hexdigest()}


@app.route("/body", methods=["POST"])
def body():
    return {"sha256": hashlib.sha256(request.get_data()).hexdigest(), "length": request.content_length}


@app.route("/stream")
def stream():
    def lines():
        for i in range(3):
            yield "%s %d\n" % (request.args["word"], i)

    return Response(stream_with_context(lines()), mimetype="text/plain")


@app.route("/file")
def file():
    return send_file(io.BytesIO(b"0123456789" * 50_000), mimetype="application/x-digits")


@app.route("/teapot")
def teapot():
    abort(418)


@app.route("/fails")
def fails():
    raise ValueError("on purpose")


@app.route("/caf\u00e9/<name>")
def cafe(name):
    return name
