"""How moments, numbers and addresses read on a page."""

from datetime import UTC, datetime

from flask import Flask
from flask_babel import force_locale

from portal.filters import breakable, minute_after, number


def test_an_address_breaks_at_its_own_signs_and_nothing_else_does():
    assert breakable("sent to n.o@x-y.co.uk at 09:02.") == "sent to n.o<wbr>@x-y<wbr>.co<wbr>.uk at 09:02."
    assert breakable("@ home. <b>") == "@ home. &lt;b&gt;"
    assert breakable(2973) == "2973"


def test_a_count_has_its_thousands_apart(app: Flask):
    for locale in ("en_GB", "en_US"):
        with force_locale(locale):
            assert number(12507) == "12,507"


def test_a_moment_to_come_is_rounded_up_to_the_minute():
    nine = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
    assert minute_after(nine) == nine
    assert minute_after(nine.replace(second=1)) == nine.replace(minute=1)
    assert minute_after(datetime(2026, 11, 16, 23, 59, 59, 1, tzinfo=UTC)) == datetime(2026, 11, 17, tzinfo=UTC)
