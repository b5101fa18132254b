"""What browsers call themselves, as people know them; whatever else stands there is unknown."""

import pytest

from portal.domain.browsers import named

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
CHROME = "Chrome/141.0.0.0 Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "


@pytest.mark.parametrize(
    ("user_agent", "browser", "system"),
    [
        (WINDOWS + CHROME, "Chrome", "Windows"),
        (WINDOWS + CHROME + " Edg/141.0.0.0", "Edge", "Windows"),
        (WINDOWS + CHROME + " OPR/120.0.0.0", "Opera", "Windows"),
        ("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "Windows"),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer", "Windows"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15",
            "Safari",
            "macOS",
        ),
        (PHONE + "Version/18.5 Mobile/15E148 Safari/604.1", "Safari", "iPhone"),
        (PHONE + "CriOS/141.0.0.0 Mobile/15E148 Safari/604.1", "Chrome", "iPhone"),
        (PHONE + "FxiOS/140.0 Mobile/15E148 Safari/605.1.15", "Firefox", "iPhone"),
        (PHONE.replace("iPhone", "iPad", 1) + "Version/18.5 Safari/604.1", "Safari", "iPad"),
        (
            "Mozilla/5.0 (Linux; Android 16; SM-S911B) AppleWebKit/537.36 SamsungBrowser/28.0 Chrome/130.0",
            "Samsung Internet",
            "Android",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/141.0.0.0 Safari/537.36",
            "Chrome",
            "Linux",
        ),
        ("Mozilla/5.0 (X11; CrOS x86_64 16093.0.0) AppleWebKit/537.36 " + CHROME, "Chrome", "ChromeOS"),
        ("curl/8.5.0", "", ""),
        ("", "", ""),
        ("<script>alert(1)</script>", "", ""),
        ("Windows", "", "Windows"),
        ("\x00\r\n Firefox/", "Firefox", ""),
    ],
)
def test_a_browser_is_known_by_its_name(user_agent: str, browser: str, system: str):
    found = named(user_agent)
    assert (found.browser, found.system) == (browser, system)
