"""Static files: each address carries the hash of its file; a browser may keep it for ever, and never has an old one."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask
from whitenoise import WhiteNoise

from portal.headers import put_into_list
from portal.logs import RULE

FOR_EVER = "public, max-age=31536000, immutable"
NOT_UNASKED = "public, max-age=0, must-revalidate"

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def init_app(app: Flask) -> None:
    """Put the hash of its file into the address of each static file."""
    folder = Path(app.static_folder or "")
    hashes: dict[str, str] = {}

    def put_hash(endpoint: str, values: dict[str, Any]) -> None:
        name = values.get("filename")
        if endpoint != "static" or not isinstance(name, str):
            return
        if name not in hashes or app.debug:
            file = folder / name
            hashes[name] = hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else ""
        if hashes[name]:
            values["v"] = hashes[name]

    app.url_defaults(put_hash)


class StaticFiles:
    """Around the application: the files under ``/static/``, found once at the start; the rest goes on to it."""

    def __init__(self, app: Flask, application: Wsgi) -> None:
        self.prefix = f"{app.static_url_path}/"
        self.files = WhiteNoise(application, max_age=0, allow_all_origins=False, charset="utf-8")
        self.files.add_files(app.static_folder, self.prefix)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """A file, kept for ever when its address has its hash; or the application's answer."""
        static = environ["PATH_INFO"] in self.files.files
        if static:
            environ[RULE] = f"{self.prefix}<path:filename>"
        lasting = FOR_EVER if environ["QUERY_STRING"].startswith("v=") else NOT_UNASKED

        def put_lasting(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if static and status[:3] in ("200", "206", "304"):
                headers = [(name, value) for name, value in headers if name.lower() != "cache-control"]
                headers.append(("Cache-Control", lasting))
            if static:
                headers = put_into_list(headers, environ["wsgi.url_scheme"])
            return start_response(status, headers, *rest)

        return self.files(environ, put_lasting)
