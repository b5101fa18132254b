"""`portal worker` and `portal mail deliver`: what is due is done, by one that stays or by one that comes and goes."""

import signal
import time

import pytest

from tests.support.server import Portal
from tests.support.waiting import wait_until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_stops_cleanly(portal: Portal, number: signal.Signals) -> None:
    worker = portal.worker()
    wait_until(lambda: '"event": "started"' in worker.said, "the worker has started")
    time.sleep(0.2)
    worker.process.send_signal(number)
    assert worker.process.wait(10) == 0
    assert '"event": "stopped"' in worker.said
    assert "Traceback" not in worker.said


def test_mail_deliver_does_what_is_due_and_exits(portal: Portal) -> None:
    assert portal.command("mail", "deliver").stdout == (
        "recovery requests: 0 handled, 0 to be tried again\nmails: 0 sent, 0 delayed, 0 refused, 0 no longer wanted\n"
    )
