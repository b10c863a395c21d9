def make(greeting, who):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [("%s, %s!\n" % (greeting, who)).encode()]

    return app


application = make("Hello", who="World")
