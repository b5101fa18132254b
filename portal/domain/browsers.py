"""What a browser calls itself, in a name that people know. It may call itself anything: this decides nothing."""

import re
from dataclasses import dataclass

# The first that is found counts: browsers name those before them too.
BROWSERS = (
    (r"\bEdg(?:e|A|iOS)?/", "Edge"),
    (r"\b(?:OPR|OPiOS|Opera)\b", "Opera"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\bVivaldi/", "Vivaldi"),
    (r"\bYaBrowser/", "Yandex Browser"),
    (r"\b(?:Firefox|FxiOS)/", "Firefox"),
    (r"\b(?:Headless)?(?:Chrome|CriOS|Chromium)/", "Chrome"),
    (r"\bVersion/[\d.]+ .*\bSafari/", "Safari"),
    (r"\b(?:MSIE |Trident/)", "Internet Explorer"),
)
SYSTEMS = (
    (r"\bWindows\b", "Windows"),
    (r"\biPad\b", "iPad"),
    (r"\biPhone\b", "iPhone"),
    (r"\bAndroid\b", "Android"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\b(?:Macintosh|Mac OS X)\b", "macOS"),
    (r"\b(?:Linux|X11)\b", "Linux"),
)


@dataclass(frozen=True)
class BrowserName:
    """A browser and what it runs on; an empty text for what is not known."""

    browser: str
    system: str


def named(user_agent: str) -> BrowserName:
    """The browser behind a ``User-Agent`` header."""
    return BrowserName(_first(BROWSERS, user_agent), _first(SYSTEMS, user_agent))


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for pattern, name in known if re.search(pattern, text)), "")
