"""Applications by their names, as Gunicorn, Flask and uWSGI have them."""

import ast
import importlib
import os
import sys
from types import ModuleType


def import_named(name):
    """The module "package.module", or that of a file: "folder/file.py", "app.wsgi"."""
    if not (name.endswith((".py", ".wsgi")) and os.path.isfile(name)):
        return importlib.import_module(name)
    path = os.path.abspath(name)
    folder, file = os.path.split(path)
    stem, extension = os.path.splitext(file)
    if extension == ".wsgi":
        add_to_path(folder)
        return run_file(stem, path)
    while os.path.isfile(os.path.join(folder, "__init__.py")):  # a part of a package
        folder, parent = os.path.split(folder)
        stem = parent + "." + stem
    add_to_path(folder)
    return importlib.import_module(stem)


def add_to_path(folder):
    if folder not in sys.path:
        sys.path.insert(0, folder)


def run_file(name, path):
    """What no import finds. Compiled anew each time: its cache would be that of name.py."""
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = path
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)
    return module


def split_call(expression):
    """`("make", [1], {"x": 2})` for "make(1, x=2)"; without a call, the last two are None."""
    path, bracket, _ = expression.partition("(")
    if not bracket:
        return path, None, None
    try:
        call = ast.parse(expression, mode="eval").body
        positional = [ast.literal_eval(value) for value in call.args]
        return path, positional, {one.arg: ast.literal_eval(one.value) for one in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise ValueError("%s takes literals alone, such as make(1, debug=True): %s" % (expression, error)) from None
