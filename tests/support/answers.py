"""Every kind of answer that the application gives: each route to everybody, errors, redirects, files and refusals."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import default_exceptions

from tests.support.client import CheckingClient
from tests.support.crawl import mutators, url_of
from tests.support.everybody import Everybody

STATUSES = (400, 403, 404, 405, 409, 413, 422, 429, 500, 503)
WHO = ("stranger", "local_admin")
SECRET = "canary words of an exception"
TOO_LARGE = 300 * 1024


def broken(status: int) -> Exception:
    """What a view raises when things go so wrong; 500 is something that nobody foresaw."""
    if status == 500:
        return RuntimeError(SECRET)
    if status == 503:
        return OperationalError("SELECT 1", {"typed": SECRET}, Exception(SECRET))
    return default_exceptions[status](SECRET)


@contextmanager
def failing(app: Flask, endpoint: str, error: Exception) -> Iterator[None]:
    """The view of ``endpoint`` raises ``error``; who may open it stays as it is."""
    kept = app.view_functions[endpoint]

    def view(**_values: Any) -> None:
        raise error

    view.__dict__.update(kept.__dict__)
    app.view_functions[endpoint] = view
    before = app.config["PROPAGATE_EXCEPTIONS"]
    app.config["PROPAGATE_EXCEPTIONS"] = False
    try:
        yield
    finally:
        app.view_functions[endpoint] = kept
        app.config["PROPAGATE_EXCEPTIONS"] = before


def every_answer(
    everybody: Everybody, as_person: Callable[..., CheckingClient], base: str
) -> Iterator[tuple[str, Any]]:
    """Each answer with its name, asked for under ``base``."""
    clients = {name: everybody.clients[name] for name in WHO}
    for rule in everybody.rules():
        for method in sorted(rule.methods or ()):
            for name, client in clients.items():
                for htmx in (False, True):
                    url, headers = url_of(everybody, rule, {"ess_id": 1}), {"HX-Request": "true"} if htmx else {}
                    answer = client.open(url, method=method, headers=headers, base_url=base)
                    yield f"{method} {rule} as {name}{' to HTMX' if htmx else ''}", answer
    for rule, method in mutators(everybody):
        client = as_person(everybody.persons["local_admin"])
        data = {"csrf_token": client._token("/")}
        yield (
            f"{method} {rule}, meant",
            client.open(url_of(everybody, rule, {}), method=method, data=data, base_url=base),
        )
    yield from every_error(everybody, clients, base)


def every_error(everybody: Everybody, clients: dict[str, CheckingClient], base: str) -> Iterator[tuple[str, Any]]:
    """Each error, as a page and as a fragment."""
    for name, client in clients.items():
        for headers in ({}, {"HX-Request": "true"}):
            for status in STATUSES:
                with failing(everybody.app, "operations.livez", broken(status)):
                    yield f"{status} as {name}, {headers}", client.open("/livez", headers=headers, base_url=base)
            for url, more in {
                "/no-such-page": {},
                "/static/no-such-file.css": {},
                "/static/": {},
                "//sign-in": {},
                "/sign-in ": {"headers": {**headers, "Host": "evil.example"}},
                "/sign-in": {"method": "POST", "data": {"username": "x" * TOO_LARGE}},
                "/find-administrator": {"method": "PROPFIND"},
            }.items():
                yield f"{url} as {name}", client.open(url, **{"headers": headers, "base_url": base, **more})
