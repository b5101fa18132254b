"""The Nu HTML checker, as a server on a loopback port while tests need it.

It wants Java, and its own package: `npm ci --prefix tests/browser`; or VNU_JAR says where it is.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.support.ports import free_port
from tests.support.source import ROOT

JAR = Path("tests/browser/node_modules/vnu-jar/build/dist/vnu.jar")

NOT_OURS = [
    # htmx's attributes are no part of the HTML standard, which leaves room for data-* alone.
    re.compile(r"^Attribute “hx-[a-z:-]+” not allowed on element “[a-z0-9-]+” at this point\.$"),
    # The design system says twice what an element is, for old readers; our macros' DOM is equal to its own.
    re.compile(r"^The “(banner|contentinfo|navigation)” role is unnecessary for element “(header|footer|nav)”\.$"),
    # Its responsive table is none to some browsers once style has stacked it on a phone: the roles say that it is one.
    re.compile(r"^The “(table|row|cell|columnheader|rowheader)” role is unnecessary for element “(table|tr|td|th)”\.$"),
    re.compile(r"^The “rowgroup” role is unnecessary for element “(thead|tbody)”\.$"),
    re.compile(r"^The “role” attribute must not be used on a “(tr|td|th)” element which has a “table” ancestor"),
]


def missing() -> str | None:
    """What the checker lacks on this machine; None when it can be started."""
    if shutil.which("java") is None:
        return "the Nu HTML checker needs Java"
    if not jar().is_file():
        return "the Nu HTML checker is not installed: npm ci --prefix tests/browser"
    return None


def jar() -> Path:
    return Path(os.environ.get("VNU_JAR", ROOT / JAR))


class Checker:
    """A running checker."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/?out=json"

    def messages(self, html: str) -> list[str]:
        """What it finds wrong with a page, with the place; remarks count as much as mistakes."""
        headers = {"Content-Type": "text/html; charset=utf-8"}
        answer = httpx.post(self.url, content=html.encode(), headers=headers, timeout=60, trust_env=False)
        answer.raise_for_status()
        found = answer.json()["messages"]
        return [
            f"line {message.get('lastLine')}: {message['message']} {message.get('extract', '')!r}"
            for message in found
            if not any(pattern.match(message["message"]) for pattern in NOT_OURS)
        ]


@contextmanager
def started() -> Iterator[Checker]:
    """A checker of our own, ended afterwards."""
    port = free_port()
    java = ["java", "-Xss1m", "-Dnu.validator.servlet.bind-address=127.0.0.1", "-cp", str(jar())]
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(
        [*java, "nu.validator.servlet.Main", str(port)], stdin=nothing, stdout=nothing, stderr=nothing
    )
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, "the Nu HTML checker ended by itself"
            assert time.monotonic() < deadline, "the Nu HTML checker did not start within two minutes"
            with suppress(httpx.ConnectError):
                # The first answer waits for all schemas: whoever gives up and asks again makes it wait longer.
                httpx.get(f"http://127.0.0.1:{port}/", timeout=120, trust_env=False)
                break
            time.sleep(0.1)
        yield Checker(port)
    finally:
        process.terminate()
        process.wait(20)
