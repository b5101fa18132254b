"""A Flask view that answers two letters, on the server that `portal serve` uses: bare_view.py PORT."""

import mmap
import sys

from flask import Flask

from portal.commands.serve import THREADS, listen, run
from portal.gateway import Gateway


def application() -> Flask:
    app = Flask("bare")
    app.add_url_rule("/", view_func=lambda: "ok")
    return app


def served() -> Gateway:
    return Gateway(application(), "http", 65536, 65536, THREADS)


if __name__ == "__main__":
    run(served, listen("127.0.0.1", int(sys.argv[1])), mmap.mmap(-1, 1))
