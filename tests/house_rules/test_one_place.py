"""What only one place may do. The places are found in the product's syntax trees, so that no spelling hides them."""

import ast
from collections.abc import Iterable

import pytest

from tests.support.source import dotted, functions, module_of, modules, nodes, tree_of


def targets(node: ast.AST) -> list[ast.expr]:
    """What an assignment assigns, tuples taken apart."""
    if isinstance(node, ast.Assign):
        found = list(node.targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
        found = [node.target]
    else:
        return []
    return [part for target in found for part in (target.elts if isinstance(target, ast.Tuple) else [target])]


WITHOUT_STATE = {"person", "organisation", "view"}
"""What may be given attributes by names that only the running program knows: these have no state."""


def assigned_attributes(name: str) -> list[str]:
    """The places where an attribute of this name is assigned, through ``setattr`` too."""
    places = []
    for place, node in nodes():
        if any(isinstance(target, ast.Attribute) and target.attr == name for target in targets(node)):
            places.append(place)
        if isinstance(node, ast.Call) and dotted(node.func) == "setattr" and len(node.args) > 1:
            named = node.args[1].value if isinstance(node.args[1], ast.Constant) else None
            if named == name or (named is None and dotted(node.args[0]) not in WITHOUT_STATE):
                places.append(place)
    return places


def test_only_apply_assigns_an_accounts_state():
    (apply,) = [found for found in functions(modules()["services/accounts.py"]) if found.name == "apply"]
    inside = {f"services/accounts.py:{line}" for line in range(apply.lineno, (apply.end_lineno or 0) + 1)}
    # Rows of work have a state of their own, and so has the refusal that tells of one.
    others = {"services/work.py", "domain/account_state.py"}
    assigning = set(assigned_attributes("state"))
    assert assigning & inside, "apply() assigns no state any more: this test looks at the wrong place"
    elsewhere = [place for place in assigning - inside if module_of(place) not in others]
    # The demonstration plans thousands of people and puts them into the tables as they begin.
    assert [place for place in elsewhere if not place.startswith("services/demonstration/")] == []


def test_no_statement_writes_an_accounts_state_past_apply():
    """Neither in bulk, by ``values(state=…)``, nor as somebody's first state, but the one that everybody begins in."""
    wrong = []
    for place, node in nodes():
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func) or (node.func.attr if isinstance(node.func, ast.Attribute) else "")
        for keyword in node.keywords:
            first = dotted(keyword.value) == "AccountState.NOT_REGISTERED"
            writes = name.endswith("values") or (name.split(".")[-1] == "Account" and not first)
            if keyword.arg == "state" and writes and module_of(place) != "services/work.py":
                wrong.append(place)
    assert wrong == []


CLOCKS = {
    "datetime.now", "datetime.datetime.now", "datetime.utcnow", "datetime.datetime.utcnow", "datetime.today",
    "datetime.datetime.today", "date.today", "datetime.date.today", "time.time", "time.time_ns", "time.localtime",
    "time.gmtime", "func.now", "func.current_timestamp", "sa.func.now", "func.localtimestamp", "func.sysdate",
}  # fmt: skip


def test_only_the_clock_reads_the_time():
    read = {place for place, node in nodes() if isinstance(node, ast.Call) and dotted(node.func) in CLOCKS}
    assert {module_of(place) for place in read} == {"clock.py"}


def test_no_sql_asks_the_database_for_the_time():
    for place, node in nodes():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value.upper()
            assert not any(word in text for word in ("NOW()", "CURRENT_TIMESTAMP", "DATETIME('NOW'")), place


def test_only_the_outbox_sends_mail():
    importing = {place for place, node in nodes() if "flask_mail" in imported(node)}
    assert {module_of(place) for place in importing} == {"extensions.py", "services/outbox.py"}
    taking = {
        place for place, node in nodes() if isinstance(node, ast.ImportFrom) and takes(node, "extensions", "mail")
    }
    assert {module_of(place) for place in taking} <= {"services/outbox.py"}
    smtp = {module_of(place) for place, node in nodes() if "smtplib" in imported(node)}
    # The command that looks at the surroundings says hello to the mail server, and sends nothing.
    assert smtp <= {"services/outbox.py", "services/surroundings.py", "commands/check.py"}
    for place, node in nodes():
        if isinstance(node, ast.Call) and module_of(place) != "services/outbox.py":
            assert not dotted(node.func).endswith(("sendmail", "send_message", "mail.send", "mail.connect")), place


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {(node.module or "").split(".")[0]} if isinstance(node, ast.ImportFrom) else set()


def takes(node: ast.ImportFrom, module: str, name: str) -> bool:
    return (node.module or "").endswith(module) and name in {alias.name for alias in node.names}


def test_only_htmx_knows_its_headers():
    speaking = {
        module_of(place)
        for place, node in nodes()
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.upper().startswith(("HX-", "HTTP_HX_"))
    }
    assert speaking == {"htmx.py"}


def test_only_work_knows_leases():
    knowing = {
        module_of(place)
        for place, node in nodes()
        if (isinstance(node, ast.Attribute) and node.attr.startswith("lease_"))
        or (isinstance(node, ast.keyword) and (node.arg or "").startswith("lease_"))
    }
    assert knowing == {"services/work.py"}


# Verbs write in the transaction of whoever asks. These begin and end their own, and why.
OWN_TRANSACTIONS = {
    "services/heartbeats.py": "a turn that was taken is taken, whatever becomes of it",
    "services/work.py": "a claim, and how the work ended, are written whatever became of the work itself",
    "services/sessions.py": "a session's last use is written after the answer, at most once a minute",
    "services/guesses.py": "the reservation stands before the hash is computed",
    "services/organisation_import.py": "an import is applied in batches",
    "services/people_file_import.py": "an import is applied in batches",
    "services/upload_steps.py": "an import is applied in batches",
    "services/bulk.py": "bulk work is done person by person",
    "services/restore.py": "a restored database is put right in a copy, before anybody sees it",
    "services/housekeeping.py": "what is spent goes in batches, so that nobody waits for a lock",
}
BEGINNERS = {"write", "commits", "reserve_then_settle", "in_batches"}


def test_no_service_commits():
    for place, node in nodes():
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and module_of(place) != "transactions.py"
        ):
            assert node.func.attr not in ("commit", "begin_nested"), place


def test_services_leave_the_transaction_to_whoever_asked():
    beginning = set()
    for name, file in modules("services").items():
        tree = tree_of(file)
        taken = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("transactions")
            for alias in node.names
        }
        called = {dotted(node).split(".")[-1] for node in ast.walk(tree) if isinstance(node, ast.Attribute)
                  and dotted(node).startswith("transactions.")}  # fmt: skip
        if (taken | called) & BEGINNERS:
            beginning.add(name)
    assert beginning - set(OWN_TRANSACTIONS) == set()


def test_models_and_rules_neither_query_nor_commit():
    for folder in ("models", "domain"):
        for place, node in nodes(folder):
            if isinstance(node, ast.Attribute):
                assert dotted(node) not in ("db.session", "db.engine"), place


QUERIES = {"select", "insert", "update", "delete", "text", "exists", "func"}


@pytest.mark.parametrize(
    "floor", ["blueprints", "commands", "worker.py", "mail", "htmx.py", "permissions.py", "filters.py"]
)
def test_only_services_build_queries(floor: str):
    found: Iterable[tuple[str, ast.AST]] = [
        (place, node) for place, node in nodes() if place.startswith(floor) and isinstance(node, ast.ImportFrom)
    ]
    for place, node in found:
        assert isinstance(node, ast.ImportFrom)
        if (node.module or "").startswith("sqlalchemy"):
            assert not QUERIES & {alias.name for alias in node.names}, place
    for place, node in nodes():
        if place.startswith(("blueprints", "mail", "htmx", "permissions", "filters")):
            assert dotted(node) not in ("db.session", "db.engine"), place
