from flask import Flask, request

app = Flask(__name__)


@app.route("/")
def hello():
    return "Hello, World!\n"


@app.route("/upload", methods=["POST"])
def upload():
    count = 0
    while piece := request.stream.read(65536):
        count += len(piece)
    return f"{count} bytes\n"


@app.route("/numbers")
def numbers():
    return (f"{i}\n" for i in range(1, 1_000_001)), {"Content-Type": "text/plain"}
