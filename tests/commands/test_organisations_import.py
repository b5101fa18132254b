"""``portal organisations import``: what it adds, changes, closes, leaves and says, on real and on small files."""

import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from sqlalchemy import func, select

from portal.domain.organisation_files import FileFormat
from portal.extensions import db
from portal.models import AuditEntry, Listing, Organisation, Region
from portal.services import organisation_batches, organisation_import
from portal.services.code_ledger import CodeLedger
from tests import factories
from tests.commands.organisation_files import (
    counts,
    dump,
    names_of,
    organisation,
    real,
    run_import,
    said,
    slice_of,
    write_csv,
)

AUDIT = ("audit_entries", "audit_chains")


def figures(added=0, changed=0, closed=0, unchanged=0, refused=0, left_out=0):
    return {
        "added": added, "changed": changed, "closed": closed, "unchanged": unchanged, "refused": refused,
        "left_out": left_out,
    }  # fmt: skip


def test_real_trusts_of_2022_and_then_of_2025_over_them(app):
    assert counts(run_import(app, real("ods/etr_2022.csv"))) == figures(added=218)
    result = run_import(app, real("ods/etr_2025.csv"))
    assert counts(result) == figures(added=55, changed=39, closed=8, unchanged=171)

    renamed = organisation("RA7")
    assert renamed.name == "UNIVERSITY HOSPITALS BRISTOL AND WESTON NHS FOUNDATION TRUST"
    velindre = organisation("RQF")
    assert (velindre.kind, velindre.country, velindre.town, velindre.postcode) == (
        "NHS trust",
        "GB",
        "CARDIFF",
        "CF15 7QZ",
    )
    assert velindre.region.name == "Wales", "2025 gives no grouping for Wales, and so leaves the region alone"
    closed = db.session.scalars(select(Organisation).where(Organisation.status == "closed")).all()
    assert len(closed) == 68
    assert all(found.closed_on for found in closed)
    slugs = dict(db.session.execute(select(Region.name, Region.slug)).all())
    assert slugs["North East and Yorkshire"] == "north-east-and-yorkshire"


def test_the_real_variant_of_24_columns(app):
    assert counts(run_import(app, real("ods/etr_2020.csv"), "--format", "ods")) == figures(added=227)
    found = organisation("R0C")
    assert (found.status, found.closed_on, found.opened_on) == ("closed", date(2020, 3, 26), date(2020, 3, 1))


def test_the_last_of_the_real_practices(app, tmp_path):
    """The whole file is a matter of the benchmark."""
    lines = real("ods/epraccur_2019.csv").read_bytes().splitlines(keepends=True)[-1_000:]
    file = tmp_path / "epraccur.csv"
    file.write_bytes(b"".join(lines))
    result = run_import(app, file)
    assert counts(result) == figures(added=995, left_out=5)
    assert said(result, "Left out:")[0] == "line 981: Y06550 is proposed"
    kinds = select(Organisation.kind, Organisation.status, func.count()).group_by(
        Organisation.kind, Organisation.status
    )
    closed = sum(b',"C","' in line or b',"D","' in line for line in lines)
    assert set(map(tuple, db.session.execute(kinds))) == {
        ("GP practice", "active", 995 - closed),
        ("GP practice", "closed", closed),
    }


def test_a_part_of_the_real_research_organisations_twice(app, tmp_path):
    file = slice_of(real("organisations/ror.csv"), tmp_path, 1_501)
    assert counts(run_import(app, file)) == figures(added=1_500)
    before = dump(*AUDIT)
    result = run_import(app, file)
    assert counts(result) == figures(unchanged=1_500)
    assert "Unchanged   1,500  lines 2-1501" in result.stdout
    assert dump(*AUDIT) == before

    institute = organisation("00003ef66")
    assert institute.name_folded == "all india institute of ayurveda new delhi"
    assert (institute.initial, institute.code_folded, institute.region.slug) == ("A", "00003ef66", "india")
    assert institute.code_bare == "00003ef66"
    assert names_of("00003ef66", "acronym") == ["AIIA"]
    assert [domain.domain for domain in institute.domains] == ["aiia.gov.in"]


def test_a_dry_run_says_the_same_and_writes_nothing(app, tmp_path):
    run_import(app, real("ods/etr_2022.csv"))
    before = dump()
    dry = run_import(app, real("ods/etr_2025.csv"), "--dry-run")
    assert dump() == before
    wet = run_import(app, real("ods/etr_2025.csv"))
    first_dry, *rest_dry = dry.stdout.splitlines()
    first_wet, *rest_wet = wet.stdout.splitlines()
    assert rest_dry == rest_wet
    assert first_dry == f"{first_wet}, dry run: nothing was written"


def test_the_audit_trail_says_what_was_begun_and_what_was_applied(app, tmp_path):
    run_import(app, write_csv(tmp_path, "code,name", "RX1,North", ",South"))
    begun, entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert (begun.event, begun.details) == ("organisations:import:begun", {"file": "own.csv", "rows": 2})
    assert entry.event == "organisations:import:applied"
    assert entry.details == {"file": "own.csv", "added": 1, "changed": 0, "closed": 0, "unchanged": 0, "refused": 1}
    assert (entry.person_id, entry.actor_account_id, entry.address) == (None, None, "command")


def test_a_bad_row_is_refused_alone_with_its_line(app, tmp_path):
    rows = (
        "RX1,North,active",
        "RX2,,active",
        "rx1,North again,",
        "MISSING,Nowhere,",
        "RX3,South,asleep",
        "RX4,West,closed",
    )
    result = run_import(app, write_csv(tmp_path, "code,name,status", *rows))
    assert counts(result) == figures(added=2, refused=4)
    assert said(result, "Refused:") == [
        "line 3: name: is missing",
        "line 4: code: rx1 stands on line 2 already",
        "line 5: code: MISSING is a word of the portal's own",
        "line 6: status: asleep is neither active nor closed",
    ]
    assert set(db.session.scalars(select(Organisation.code))) == {"RX1", "RX4"}


def test_a_code_that_stands_twice_far_apart_is_refused_the_second_time(app, tmp_path):
    rows = [f"C{number},Organisation {number}" for number in range(1_200)]
    result = run_import(app, write_csv(tmp_path, "code,name", *rows, "c7,Another"))
    assert counts(result) == figures(added=1_200, refused=1)
    assert said(result, "Refused:") == ["line 1202: code: c7 stands on line 9 already"]
    assert organisation("C7").name == "Organisation 7"


def test_a_code_is_found_whatever_its_case_and_keeps_its_own(app, tmp_path):
    run_import(app, write_csv(tmp_path, "code,name", "Rx1,North"))
    assert counts(run_import(app, write_csv(tmp_path, "code,name", "RX1,North Trust"))) == figures(changed=1)
    assert organisation("Rx1").name == "North Trust"


def test_a_changed_name_keeps_the_old_one_among_the_former_names(app, tmp_path):
    columns = "code,name,former_names"
    run_import(app, write_csv(tmp_path, columns, "RX1,North,Oldest"))
    assert counts(run_import(app, write_csv(tmp_path, columns, "RX1,South,Oldest"))) == figures(changed=1)
    assert names_of("RX1", "former") == ["North", "Oldest"]
    assert counts(run_import(app, write_csv(tmp_path, columns, "RX1,South,Oldest"))) == figures(unchanged=1)
    assert (organisation("RX1").name_folded, organisation("RX1").initial) == ("south", "S")

    run_import(app, write_csv(tmp_path, columns, "RX1,North,"))
    assert names_of("RX1", "former") == ["Oldest", "South"], "the present name is no former one"
    run_import(app, write_csv(tmp_path, columns, "RX1,NORTH,"))
    assert names_of("RX1", "former") == ["Oldest", "South"], "another case is no other name"


def test_a_re_import_changes_what_the_file_says_and_leaves_alone_what_it_does_not_mention(app, tmp_path):
    factories.organisation(code="RX9", name="Elsewhere")
    columns = "code,name,kind,country,region,town,postcode,opened_on,acronyms,other_names,email_domains"
    row = "RX1,North,trust,GB,North West,Leeds,LS1 1AA,2001-04-01,NT || NNT,Northerly,north.example || n.example"
    run_import(app, write_csv(tmp_path, columns, row))
    found = organisation("RX1")
    found_id = found.id
    factories.listing(found, message="Ring the desk.")
    before = dump(*AUDIT)

    assert counts(run_import(app, write_csv(tmp_path, "code,name", "RX1,North"))) == figures(unchanged=1)
    assert dump(*AUDIT) == before, "RX9 is absent from the file and left alone, too"

    result = run_import(
        app, write_csv(tmp_path, "code,name,town,region,acronyms,email_domains", "RX1,North,,,NT,x.example")
    )
    assert counts(result) == figures(changed=1)
    found = organisation("RX1")
    assert (found.id, found.town, found.region_id, found.postcode, found.kind) == (
        found_id,
        "",
        None,
        "LS1 1AA",
        "trust",
    )
    assert names_of("RX1", "acronym") == ["NT"]
    assert names_of("RX1", "alternative") == ["Northerly"]
    assert [domain.domain for domain in found.domains] == ["x.example"]
    assert db.session.scalars(select(Listing)).one().message == "Ring the desk."


def test_closing_changes_the_status_and_nothing_else(app, tmp_path):
    run_import(app, write_csv(tmp_path, "code,name,town", "RX1,North,Leeds"))
    result = run_import(app, write_csv(tmp_path, "code,name,status,closed_on", "RX1,North,closed,2024-03-31"))
    assert counts(result) == figures(closed=1)
    found = organisation("RX1")
    assert (found.status, found.closed_on, found.town) == ("closed", date(2024, 3, 31), "Leeds")
    assert counts(run_import(app, write_csv(tmp_path, "code,name,status", "RX1,North,active"))) == figures(changed=1)


def test_a_parent_that_comes_later_in_the_file_is_linked_and_not_warned_of(app, tmp_path):
    result = run_import(
        app, write_csv(tmp_path, "code,name,parent_code,successor_code", "RX1,North,rx2,", "RX2,South,,RX1")
    )
    assert said(result, "Warnings:") == []
    assert organisation("RX1").parent.code == "RX2"
    assert organisation("RX2").successor.code == "RX1"


def test_an_unknown_parent_is_kept_as_text_warned_of_and_linked_by_a_later_file(app, tmp_path):
    file = write_csv(tmp_path, "code,name,parent_code,successor_code", "RX1,North,RX2,RX3")
    result = run_import(app, file)
    assert said(result, "Warnings:") == [
        "line 2: RX1: its parent RX2 is not known; it is linked once it exists",
        "line 2: RX1: its successor RX3 is not known; it is linked once it exists",
    ]
    assert (organisation("RX1").parent_code, organisation("RX1").parent_id) == ("RX2", None)
    run_import(app, write_csv(tmp_path, "code,name", "RX2,South", "rx3,West", name="later.csv"))
    assert organisation("RX1").parent.name == "South"
    assert organisation("RX1").successor.name == "West"

    assert counts(run_import(app, file)) == figures(unchanged=1)
    run_import(app, write_csv(tmp_path, "code,name,parent_code", "RX1,North,rx3"))
    assert organisation("RX1").parent.name == "West"
    run_import(app, write_csv(tmp_path, "code,name,parent_code", "RX1,North,"))
    assert organisation("RX1").parent_id is None
    assert organisation("RX1").successor.name == "West"


def test_regions_are_made_once_by_their_names_and_have_slugs_of_their_own(app, tmp_path):
    factories.region("North West")
    rows = (
        "A1,A,north west",
        "A2,B,East & West",
        "A3,C,East-West?",
        "A4,D,East + West",
        "A5,E,***",
        "A6,F,EAST & WEST",
    )
    run_import(app, write_csv(tmp_path, "code,name,region", *rows, "A7,G,北京", "A8,H,背景"))
    regions = dict(db.session.execute(select(Region.name, Region.slug)).all())
    assert regions == {
        "North West": "north-west",
        "East & West": "east-west",
        "***": "region",
        "北京": regions["北京"],
        "背景": regions["背景"],
    }
    assert regions["北京"] != regions["背景"]
    assert organisation("A1").region.name == "North West"
    assert {organisation(code).region.name for code in ("A2", "A3", "A4", "A6")} == {"East & West"}


def test_an_import_that_was_killed_is_run_again(app, tmp_path):
    file = slice_of(real("organisations/ror.csv"), tmp_path, 3_001)
    command = [sys.executable, "-c", "from portal.commands import main; main()", "organisations", "import", str(file)]
    settings = {
        "PORTAL_SQLALCHEMY_DATABASE_URI": app.config["SQLALCHEMY_DATABASE_URI"],
        "PORTAL_INSTANCE_PATH": str(tmp_path),
    }
    count = select(func.count()).select_from(Organisation)
    root = Path(__file__).resolve().parents[2]
    importing = subprocess.Popen(command, env={**os.environ, **settings}, cwd=root, stdout=subprocess.DEVNULL)
    while not (done := db.session.scalar(count)) and importing.poll() is None:
        db.session.rollback()
        time.sleep(0.01)
    importing.kill()
    importing.wait()
    db.session.rollback()
    done = db.session.scalar(count) or 0
    assert 0 < done < 3_000, "the kill came too late to show anything"
    assert done % 500 == 0, "a batch is there whole or not at all"
    assert counts(run_import(app, file)) == figures(added=3_000 - done, unchanged=done)


def test_links_of_many_organisations_are_made_a_few_at_a_time(app, tmp_path, monkeypatch):
    monkeypatch.setattr(organisation_batches, "LINKED_AT_ONCE", 2)
    rows = [f"RX{number},Trust {number},HEAD,RX{number + 1}" for number in range(7)]
    run_import(app, write_csv(tmp_path, "code,name,parent_code,successor_code", *rows, "HEAD,Head,,"))
    assert [organisation(f"RX{number}").parent.code for number in range(7)] == ["HEAD"] * 7
    assert [organisation(f"RX{number}").successor.code for number in range(6)] == [f"RX{n + 1}" for n in range(6)]
    assert organisation("RX6").successor_id is None


def test_a_dry_run_keeps_nobody_waiting(app, tmp_path):
    """While it compares, somebody else takes the write lock and the rows, without waiting."""
    file = write_csv(tmp_path, "code,name", "RX1,North")
    run_import(app, file)
    taken = []

    def somebody_writes(_rows: int) -> None:
        with db.engine.connect().execution_options(writes=True) as other, other.begin():
            nowait = select(Organisation.id).with_for_update(nowait=True)
            taken.append(len(other.execute(nowait).all()))

    class Silent:
        def outcome(self, line: int, outcome: object, reason: str = "") -> None:
            somebody_writes(line)

        def warning(self, line: int, text: str) -> None: ...

    with file.open("rb") as opened, CodeLedger() as codes:
        checked = organisation_import.check(opened, FileFormat.CSV, codes, lambda _bytes: None)
        organisation_import.compare(checked, Silent(), somebody_writes)
    assert taken == [1, 1]
