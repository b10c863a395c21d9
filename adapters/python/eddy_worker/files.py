"""Which files the application is made of, and which it lacks, for whoever watches them (`--reload`)."""

import os
import re
import sys
import sysconfig

OWN = os.path.dirname(os.path.abspath(__file__))
INSTALLED = tuple(os.path.join(path, "") for path in {OWN, *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))})
PACKAGES = re.compile(r"/(site|dist)-packages/")


class Files:
    """Tells the gateway "file <path>" as soon as code of a file is compiled or run, whoever imports it, and when."""

    def __init__(self, control):
        self.control = control
        self.told = set()
        sys.addaudithook(self.hear)

    def hear(self, event, args):
        """`compile` has a file that cannot be read as Python, too; `exec` one that was compiled before."""
        if event == "compile":
            self.tell(args[1])
        elif event == "exec":
            self.tell(getattr(args[0], "co_filename", None))

    def tell(self, path):
        if not isinstance(path, str) or not path.startswith("/") or "\n" in path or path in self.told:
            return
        self.told.add(path)
        if path.startswith(INSTALLED) or PACKAGES.search(path):
            return
        try:
            self.control.sendall(b"file %s\n" % os.fsencode(path))
        except (OSError, ValueError):
            pass  # the gateway is gone, or this is a child of the application's

    def tell_missing(self, error):
        """Where the module may come to be that was looked for in vain."""
        if not isinstance(error, ImportError) or not error.name:
            return
        name = error.name
        if not isinstance(error, ModuleNotFoundError):  # from package import name
            found = re.match(r"cannot import name '(\w+)'", str(error))
            name += "." + found.group(1) if found else ""
        path = name.replace(".", "/")
        for folder in sys.path:
            for end in (".py", "/__init__.py"):
                self.tell(os.path.join(os.path.abspath(folder), path + end))
