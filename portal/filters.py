"""How moments and numbers read on a page: in the portal's time zone and locale, to the minute."""

import re
from datetime import datetime, timedelta

from flask import Flask
from flask_babel import format_datetime, format_decimal, format_time, get_locale
from markupsafe import Markup, escape

ADDRESS_END = re.compile(r"@[\w-]+(?:\.[\w-]+)+")
DATE_AND_TIME = {"en_US": "MM/dd/yyyy hh:mm a"}
TIME = {"en_US": "h:mm a"}


def moment(at: datetime | None) -> str:
    """A date and time, such as 21/06/2019 21:07; nothing for no moment."""
    return str(format_datetime(at, DATE_AND_TIME.get(str(get_locale()), "dd/MM/yyyy HH:mm"))) if at else ""


def time_of_day(at: datetime) -> str:
    """The time alone, such as 14:02."""
    return str(format_time(at, TIME.get(str(get_locale()), "HH:mm")))


def minute_after(at: datetime) -> datetime:
    """The first whole minute that is not before ``at``: who comes back then does not come too early."""
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + timedelta(minutes=1)


def date_in_words(at: datetime) -> str:
    """A date in words, such as 21 June 2019."""
    return str(format_datetime(at, "MMMM d, yyyy" if str(get_locale()) == "en_US" else "d MMMM yyyy"))


def time_element(at: datetime | None) -> Markup:
    """A ``time`` element, so that programs read the moment too."""
    if at is None:
        return Markup("")
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), escape(moment(at)))


def breakable(text: object) -> Markup:
    """The text, in which a line may end before the @ of an address and before a full stop behind it, not in a word."""
    safe = str(escape(text))
    return Markup(ADDRESS_END.sub(lambda end: "<wbr>" + end[0].replace(".", "<wbr>."), safe))  # noqa: S704 - escaped


def number(count: int) -> str:
    """A count as people write it, such as 12,507."""
    return str(format_decimal(count))


def init_app(app: Flask) -> None:
    """Make the filters known to the templates."""
    app.jinja_env.filters.update(
        moment=moment,
        time_of_day=time_of_day,
        date_in_words=date_in_words,
        time_element=time_element,
        breakable=breakable,
        number=number,
    )
