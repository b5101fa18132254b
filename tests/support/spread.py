"""Which worker does which test."""

from xdist.scheduler.loadscope import LoadScopeScheduling

TOGETHER = (
    "browser",
    "commands/test_run.py",
    "deployment/test_http.py",
    "security/test_debug_off.py",
    "security/test_headers.py",
    "security/test_log_lines.py",
    "security/test_methods_and_cors.py",
    "security/test_races.py",
    "story",
)
"""What shares what costs much to start: a portal; for the browser tests Chromium and the HTML checker too."""


class Spread(LoadScopeScheduling):
    """What belongs together goes to one worker, and goes first; everything else to whoever has nothing to do."""

    def _split_scope(self, nodeid: str) -> str:
        place = nodeid.removeprefix("tests/")
        return next((shared for shared in TOGETHER if place.startswith(shared)), nodeid)
