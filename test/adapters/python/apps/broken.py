"""Cannot be imported."""


def configure():
    raise RuntimeError("on purpose")


configure()
