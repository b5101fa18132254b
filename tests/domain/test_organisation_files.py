"""What the rows of organisation files say, and which are refused or left out, and why."""

import io
from datetime import date

import pytest

from portal.domain.delimited_text import Damage
from portal.domain.organisation_files import FileFormat, LeftOutRow, OrganisationRow, RefusedRow, Row, rows
from portal.domain.organisation_values import LENGTHS
from portal.models import Organisation, OrganisationDomain, OrganisationName, Region


def read(text: str, file_format: FileFormat = FileFormat.AUTO) -> list[Row]:
    return list(rows(io.BytesIO(text.encode()), file_format))


def only(text: str) -> Row:
    (row,) = read(text)
    return row


def ods(**cells: str) -> str:
    """A row of 27 quoted cells; ``c13="A"`` fills the thirteenth."""
    given = {"c1": "R0A", "c2": "MANCHESTER TRUST", "c3": "Y62", "c11": "20171001", **cells}
    return ",".join('"' + given.get(f"c{number}", "").replace('"', '""') + '"' for number in range(1, 28)) + "\r\n"


def refused(text: str) -> str:
    row = only(text)
    assert isinstance(row, RefusedRow), row
    return row.reason


def own(columns: str, *lines: str) -> str:
    return "\n".join([columns, *lines, ""])


def test_an_ods_row_is_a_trust_in_the_region_of_its_grouping():
    row = only(ods(c5="COBBETT HOUSE", c6="OXFORD ROAD", c8=" MANCHESTER ", c10="M13 9WL"))
    assert row == OrganisationRow(
        line=1,
        code="R0A",
        size=row.size,
        region="North West",
        columns={
            "name": "MANCHESTER TRUST",
            "kind": "NHS trust",
            "country": "GB",
            "town": "MANCHESTER",
            "postcode": "M13 9WL",
            "status": "active",
            "opened_on": date(2017, 10, 1),
            "closed_on": None,
        },
    )


@pytest.mark.parametrize(
    ("cells", "kind", "status"),
    [
        ({}, "NHS trust", "active"),
        ({"c12": "20200326"}, "NHS trust", "closed"),
        ({"c13": "A"}, "GP practice", "active"),
        ({"c13": "D"}, "GP practice", "closed"),
        ({"c13": "C", "c12": "20200326"}, "GP practice", "closed"),
        ({"c13": "A", "c12": "20200326"}, "GP practice", "closed"),
    ],
)
def test_kind_and_status_follow_from_the_thirteenth_column_and_the_close_date(cells, kind, status):
    row = only(ods(**cells))
    assert (row.columns["kind"], row.columns["status"]) == (kind, status)


def test_a_proposed_practice_is_left_out_even_with_a_strange_code():
    assert only(ods(c13="P", c1="Y06 550")) == LeftOutRow(1, "Y06 550 is proposed", len(ods(c13="P", c1="Y06 550")))


def test_an_ods_row_without_a_grouping_says_nothing_about_its_region_and_an_unknown_one_goes_by_its_code():
    assert only(ods(c3="")).region is None
    assert only(ods(c3="Y99")).region == "Y99"


def test_the_variant_of_24_columns_without_quotes_is_read_alike():
    line = (
        "R0C,PROJECT NIGHTINGALE NHS TRUST,Y56,Q71,ROYAL VICTORIA DOCK,,,LONDON,,E16 1XL,20200301,20200326" + "," * 12
    )
    row = only(line + "\n")
    assert (row.code, row.region, row.columns["status"]) == ("R0C", "London", "closed")


def test_the_own_csv_mentions_only_the_columns_of_its_header():
    row = only(own("Name,CODE,Former Names", "North Trust,RX1,Old North || Older North || Old North"))
    assert row.columns == {"name": "North Trust"}
    assert row.names == {"former": ("Old North", "Older North")}
    assert (row.region, row.domains) == (None, None)


def test_an_empty_cell_of_the_own_csv_says_empty_but_an_empty_status_says_nothing():
    row = only(own("code,name,town,region,acronyms,email_domains,closed_on,status", "RX1,North,,,,,,"))
    assert row.columns == {"name": "North", "town": "", "closed_on": None}
    assert (row.region, row.names, row.domains) == ("", {"acronym": ()}, ())


def test_a_close_date_closes_where_no_status_is_said():
    assert only(own("code,name,closed_on", "RX1,North,2024-03-31")).columns["status"] == "closed"
    assert only(own("code,name,closed_on,status", "RX1,North,2024-03-31,active")).columns["status"] == "active"


def test_text_is_composed_and_trimmed_and_has_single_spaces():
    row = only(own("code,name,country", '" RX1 ","Cafe\u0301 \t  Trust\n",gb'))
    assert (row.code, row.columns["name"], row.columns["country"]) == ("RX1", "Café Trust", "GB")


def test_a_name_over_two_lines_is_refused_for_it_may_have_swallowed_a_row():
    reason = refused(own("code,name", '"RX1","North\nRX2,South"'))
    assert reason == "name: goes on over several lines; is a quotation mark missing or too many?"


def test_the_apostrophe_that_keeps_a_formula_from_running_comes_off_again_and_no_other():
    assert only(own("code,name", "RX1,'=Equal Trust")).columns["name"] == "=Equal Trust"
    assert only(own("code,name,town", "RX1,''-x,'s-Hertogenbosch")).columns == {
        "name": "'-x",
        "town": "'s-Hertogenbosch",
    }


@pytest.mark.parametrize(
    ("columns", "line", "reason"),
    [
        ("code,name", ",North", "code: is missing"),
        ("code,name", "RX1,  ", "name: is missing"),
        ("code,name", "RX1,***", "name: holds no letter and no digit (***)"),
        ("code,name", "RX/1,North", "code: RX/1 is no code"),
        ("code,name", "..,North", "code: .. is no code"),
        ("code,name", "Ärzte,North", "code: Ärzte is no code"),
        ("code,name", "Missing,North", "code: Missing is a word of the portal's own"),
        ("code,name", "account-managers,North", "code: account-managers is a word"),
        ("code,name", f"{'R' * 61},North", "code: longer than 60 characters"),
        ("code,name", f"RX1,{'N' * 301}", "name: longer than 300 characters"),
        ("code,name", f"RX1,{'ﷺ' * 40}", "name: longer than 300 characters with its ligatures"),
        ("code,name", "RX1,No\x1bth", "name: holds a control character (No\ufffdth)"),
        ("code,name,status", "RX1,North,dormant", "status: dormant is neither active nor closed"),
        ("code,name,opened_on", "RX1,North,2023-02-29", "opened_on: 2023-02-29 is no date (write it as 2024-03-31)"),
        ("code,name,opened_on", "RX1,North,20230301", "opened_on: 20230301 is no date"),
        ("code,name,opened_on", "RX1,North,２０２４-01-01", "is no date"),
        (
            "code,name,opened_on,closed_on",
            "RX1,North,2024-01-02,2024-01-01",
            "closed_on: 2024-01-01 is before it opened",
        ),
        ("code,name,parent_code", "RX1,North,rx1", "parent_code: RX1 cannot be its own"),
        ("code,name,successor_code", "RX1,North,RX1", "successor_code: RX1 cannot be its own"),
        ("code,name,successor_code", "RX1,North,two words", "successor_code: two words is no code"),
        ("code,name,email_domains", "RX1,North,north.example || north", "email_domains: north is no domain"),
        ("code,name,email_domains", "RX1,North,@north.example", "email_domains: @north.example is no domain"),
        ("code,name,email_domains", "RX1,North,*.example", "email_domains: *.example is no domain"),
        ("code,name,acronyms", f"RX1,North,N || {'N' * 301}", "acronyms: longer than 300 characters"),
        (
            "code,name,acronyms",
            "RX1,North," + " || ".join(str(n) for n in range(501)),
            "acronyms: more than 500 values",
        ),
    ],
)
def test_a_bad_value_refuses_its_row_in_plain_words(columns, line, reason):
    assert reason in refused(own(columns, line))


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"c11": "20171301"}, "opened_on: 20171301 is no date (write it as 20240331)"),
        ({"c12": "2017-01-01"}, "closed_on: 2017-01-01 is no date"),
        ({"c13": "X"}, "status: X is none of A, C, D and P"),
        ({"c12": "20160101"}, "closed_on: 2016-01-01 is before it opened (2017-10-01)"),
    ],
)
def test_a_bad_value_refuses_its_row_of_an_ods_file(cells, reason):
    assert reason in refused(ods(**cells))


def test_all_faults_of_a_row_are_told_together_and_the_rows_around_it_are_read():
    first, bad, last = read(own("code,name,status", "RX1,North,", ",,odd", "RX2,South,"))
    assert isinstance(first, OrganisationRow)
    assert isinstance(last, OrganisationRow)
    assert bad.line == 3
    assert bad.reason == "code: is missing; name: is missing; status: odd is neither active nor closed"


@pytest.mark.parametrize(
    ("text", "file_format", "line", "words"),
    [
        ("", FileFormat.AUTO, 1, "the file is empty"),
        ("\n\n", FileFormat.AUTO, 1, "the file is empty"),
        ("RX1,North\nRX2,South\n", FileFormat.AUTO, 1, "2 columns and no header"),
        ("RX1,North\n", FileFormat.CSV, 1, "the header names a column that is not known: rx1"),
        ("RX1,North\n", FileFormat.ODS, 1, "2 columns; an ODS file has 27 or 24"),
        (ods().replace("\r\n", ',""\r\n'), FileFormat.AUTO, 1, "28 columns and no header"),
        (ods() + ods().replace("\r\n", ',""\r\n'), FileFormat.AUTO, 2, "28 columns where the first line has 27"),
        (ods() + "," * 23 + "\n", FileFormat.AUTO, 2, "24 columns where the first line has 27"),
        ("code,name\nRX1,North\nRX2\n", FileFormat.AUTO, 3, "1 column where the header names 2"),
        ("code,town\nRX1,Leeds\n", FileFormat.AUTO, 1, "the header lacks the column name"),
        ("code,name,nmae\n", FileFormat.AUTO, 1, "the header names a column that is not known: nmae"),
        ("code,name,is_admin\n", FileFormat.AUTO, 1, "not known: is_admin"),
        ("code,name,\n", FileFormat.AUTO, 1, "not known: (nothing)"),
        ("code,name,Name\n", FileFormat.AUTO, 1, "the header names name twice"),
        ("code," * 5000 + "name\n", FileFormat.AUTO, 1, "the header names code twice"),
        ("code;name\nRX1;North\n", FileFormat.AUTO, 1, "1 column and no header"),
    ],
)
def test_wrong_columns_refuse_the_file_with_the_line(text, file_format, line, words):
    with pytest.raises(Damage) as raised:
        read(text, file_format)
    assert raised.value.line == line
    assert words in raised.value.reason


def test_a_header_alone_is_a_file_without_rows():
    assert read("code,name\n") == []


def test_what_a_cell_may_hold_fits_the_column_of_its_table():
    tables = [(Organisation, LENGTHS.keys() - {"region", "acronyms", "former_names", "other_names", "email_domains"})]
    for table, columns in tables:
        assert {name: getattr(table, name).type.length for name in columns} == {name: LENGTHS[name] for name in columns}
    assert {LENGTHS[name] for name in ("acronyms", "former_names", "other_names")} == {
        OrganisationName.name.type.length
    }
    assert LENGTHS["region"] <= Region.name.type.length
    assert LENGTHS["email_domains"] <= OrganisationDomain.domain.type.length
