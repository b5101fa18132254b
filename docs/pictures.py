"""Takes the README's pictures from the real pages of the demonstration: docs/pictures.py. Needs Chromium."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1280, "height": 860}


@contextmanager
def demonstration() -> Iterator[tuple[str, dict[str, str]]]:
    """The demonstration in a folder of its own; its address, and the local administrator's sign-in."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="gatehouse-pictures-") as folder:
        environment = {**os.environ, "PORTAL_INSTANCE_PATH": folder}
        command = [sys.executable, "-c", "from portal.commands import main; main()", "demonstration-run", "--port"]
        running = subprocess.Popen([*command, str(port)], env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/readyz", running)
            known = json.loads((Path(folder) / "demonstration.json").read_text())["sign_ins"]
            yield address, next(entry for entry in known if entry["role"] == "local_administrator")
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(45)


def _wait_for(address: str, running: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while running.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(address, timeout=2):  # noqa: S310
            return
        time.sleep(0.2)
    raise SystemExit("the demonstration did not start")


def take(page: Page, name: str) -> None:
    """One picture of what the window shows."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png")
    print(IMAGES / f"{name}.png")


def take_all(page: Page, address: str, administrator: dict[str, str]) -> None:
    """Every picture, in the order of a first visit."""
    page.goto(f"{address}/sign-in")
    take(page, "sign-in")
    page.goto(f"{address}/find-administrator?q=county")
    take(page, "find-administrator")
    page.goto(f"{address}/sign-in")
    page.locator("#username").fill(administrator["username"])
    page.locator("#password").fill(administrator["password"])
    page.locator("#password").press("Enter")
    page.wait_for_url("**/contacts*")
    take(page, "contacts")
    page.locator("#contact-list").get_by_role("link", name="Katie Contact").click()
    page.locator("#self-service-details").scroll_into_view_if_needed()
    page.locator("#self-service-details").evaluate("panel => panel.scrollIntoView()")
    take(page, "self-service-details")


def main() -> None:
    """Start the demonstration and a browser, and take the pictures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium is not installed")
    IMAGES.mkdir(exist_ok=True)
    with demonstration() as (address, administrator), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, device_scale_factor=1)  # type: ignore[arg-type]
        take_all(page, address, administrator)
        browser.close()


if __name__ == "__main__":
    main()
