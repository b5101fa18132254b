"""SIGKILL at any moment: what was answered is kept, what was not is whole or absent, and no mail is lost.

Each process is killed KILL_CYCLES times; `make test-kills CYCLES=1000` is the long version.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from datetime import timedelta
from itertools import cycle, islice

from portal import clock
from portal.domain.account_state import AccountState
from portal.services import outbox, work
from tests.factories import PASSWORD
from tests.reliability import ledger
from tests.reliability.conftest import CYCLES, Trust
from tests.reliability.crowd import NEW_PASSWORD, Crowd, serving_process, wait_for_another
from tests.support.everybody import rows_of_all_tables
from tests.support.mail_faults import DROP, MailServer
from tests.support.server import Portal, Started
from tests.support.visitor import visiting
from tests.support.waiting import wait_until


def test_a_killed_web_process_leaves_every_change_whole_or_absent(portal: Portal, trust: Trust) -> None:
    crowd = Crowd(portal, trust)
    web = portal.serve()
    crowd.start()
    for number in reversed(range(CYCLES)):
        crowd.wait_for(random.randint(3, 9))
        time.sleep(random.uniform(0, 0.1))
        if number % 2:
            # Alone: the process above it starts another. Twice in a row it would take that for a crash loop and end.
            killed = serving_process(web)
            os.kill(killed, signal.SIGKILL)
            wait_for_another(web, killed)
            continue
        web.kill()
        if number:
            web = portal.serve()
    crowd.stop()

    assert crowd.unanswered.total() > 0, "no request was in hand when the server was killed"
    with trust.database():
        ledger.check(trust.initial)
        happened = ledger.moves()
    for what in {*crowd.answered, *crowd.unanswered, *happened}:
        told, in_doubt = crowd.answered[what], crowd.unanswered[what]
        assert told <= happened[what] <= told + in_doubt, f"{what}: {happened[what]}, told {told}, in doubt {in_doubt}"


def test_a_change_that_fails_at_any_of_its_rows_leaves_nothing(portal: Portal, trust: Trust) -> None:
    starter, victim = trust.add(1, AccountState.NOT_REGISTERED, "Nora") + trust.add(1, AccountState.ACTIVE, "Vera")
    link = trust.recovery_tokens([victim])[victim]
    portal.serve()
    with visiting(portal.url) as lena, visiting(portal.url) as reader:
        lena.sign_in(trust.administrator, PASSWORD)
        reader.get(f"/recover/{link}", expect=303)
        reader.get("/recover/new-password")
        with trust.database():
            before = rows_of_all_tables()
        words = {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
        for broken in ("outbox_messages", "audit_entries", "accounts"):
            trust.break_writes_to(broken)
            for path in (trust.move(starter, "register"), trust.move(victim, "re-enrol")):
                assert lena.send(path, expect=None).status_code in (500, 503)
            assert reader.send("/recover/new-password", words, expect=None).status_code in (500, 503)
            with trust.database():
                assert rows_of_all_tables() == before
            trust.mend()
        lena.send(trust.move(starter, "register"))
        lena.send(trust.move(victim, "re-enrol"))
        with trust.database():
            events = ledger.moves()
    assert events[starter, "account:registration:registered"] == 1
    assert events[victim, "account:registration:re-enrolled"] == 1


# Where in the conversation about a mail its worker dies, and whether the mail server has the mail by then.
POINTS = {"quit": True, "rcpt": False, "accepted": True, "body": False, "connect": False}


class Killer:
    """Kills the worker that reaches ``point``, in the middle of the conversation."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.running: Started | None = None
        self.point = ""
        self.kills = 0
        self.kept: Counter[str] = Counter()

    def __call__(self, stage: str, recipient: str) -> str | None:
        if stage != self.point or self.running is None:
            return None
        self.point = ""
        self.running.kill()
        self.kills += 1
        self.kept[recipient] += POINTS[stage]
        return DROP

    def kill_at(self, point: str) -> None:
        before, self.point = self.kills, point
        self.running = self.portal.worker()
        wait_until(lambda: self.kills > before, "the worker reached the point at which it is killed")


def test_a_killed_worker_loses_no_mail_and_repeats_only_the_one_in_hand(
    portal: Portal, trust: Trust, mail_server: MailServer
) -> None:
    trust.register(trust.add(4 + 2 * CYCLES, AccountState.NOT_REGISTERED, "Nora"))
    trust.ask(trust.add(4, AccountState.ACTIVE, "Vera"))
    mail_server.script = killer = Killer(portal)
    for point in islice(cycle(POINTS), CYCLES):
        killer.kill_at(point)
    portal.worker()
    wait_until(
        lambda: trust.states_of_mail().get("queued", 0) <= CYCLES,
        "what no killed worker had goes on at once",
        seconds=40 + CYCLES,
    )
    now = clock.now()
    waiting = [row for row in trust.rows() if row.state == "queued"]
    # A worker that waited for the last word on a message had asked for more time than a lease has.
    longest = timedelta(seconds=outbox.LAST_REPLY_SECONDS + outbox.SMTP_SECONDS)
    assert work.LEASE < longest < timedelta(minutes=11)
    assert all(row.lease_until and row.lease_until <= now + longest for row in waiting)
    trust.let_time_pass()
    wait_until(lambda: set(trust.states_of_mail()) == {"done"}, "all mail is delivered", seconds=40 + 2 * CYCLES)

    rows = trust.rows()
    assert Counter(row.kind for row in rows) == {"registration": 4 + 2 * CYCLES, "password-reset": 4}
    check_repeats(mail_server, {row.message_id: row.recipient for row in rows}, killer.kept)


def check_repeats(mail_server: MailServer, wanted: dict[str, str], allowed: Counter[str]) -> None:
    """Every mail came; those that came again say the same under the same name, and were in hand at a kill."""
    copies: dict[str, list[tuple[str, ...]]] = {}
    for mail in mail_server.messages:
        said = (mail.text, mail.html, str(mail.message["Subject"]), str(mail.message["Date"]))
        copies.setdefault(str(mail.message["Message-ID"]), []).append(said)
    assert set(copies) == set(wanted)
    assert {message_id: len(set(said)) for message_id, said in copies.items()} == dict.fromkeys(wanted, 1)
    again = Counter({wanted[message_id]: len(said) - 1 for message_id, said in copies.items()})
    assert +again == +allowed
    assert again.total() > 0


def test_a_worker_killed_at_any_moment_loses_no_mail(portal: Portal, trust: Trust, mail_server: MailServer) -> None:
    kills = CYCLES - 1
    people = trust.add(10 * CYCLES, AccountState.ACTIVE, "Vera")
    trust.ask(people)
    for _ in range(kills):
        worker, before = portal.worker(), len(mail_server.messages)
        wait_until(lambda: len(mail_server.messages) > before, "the worker delivers")  # noqa: B023
        time.sleep(random.uniform(0, 0.1))
        worker.kill()
        trust.let_time_pass()
    portal.worker()
    wait_until(lambda: set(trust.states_of_mail()) == {"done"}, "all mail is delivered", seconds=40 + 2 * CYCLES)
    sent = Counter(str(message.message["Message-ID"]) for message in mail_server.messages)
    rows = trust.rows()
    assert set(sent) == {row.message_id for row in rows}
    assert Counter(row.recipient for row in rows).most_common(1)[0][1] == 1, "a request was looked up twice"
    assert len(rows) == len(people)
    assert sum(sent.values()) - len(sent) <= kills


def test_four_workers_at_once_send_nothing_twice(portal: Portal, trust: Trust, mail_server: MailServer) -> None:
    trust.register(trust.add(30, AccountState.NOT_REGISTERED, "Nora"))
    trust.ask(trust.add(30, AccountState.ACTIVE, "Vera"))
    gate = threading.Event()
    callers: set[int] = set()

    def script(stage: str, _recipient: str) -> None:
        if stage == "connect":
            callers.add(threading.get_ident())
            if len(callers) >= 4:
                gate.set()
            # Nobody goes on before each of the four has a mail in hand.
            gate.wait(30)

    mail_server.script = script
    workers = [portal.worker() for _ in range(4)]
    wait_until(lambda: trust.states_of_mail() == {"done": 90}, "all mail is delivered", seconds=60)
    assert all(worker.is_running() for worker in workers)
    sent = Counter(str(message.message["Message-ID"]) for message in mail_server.messages)
    assert set(sent) == {row.message_id for row in trust.rows()}
    assert set(sent.values()) == {1}
    assert all(row.attempts == 1 for row in trust.rows())
