"""Rows as an Excel workbook, written in constant memory: typed cells, none of them a formula or a link."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import xlsxwriter

MOST_ROWS = 1_048_576
"""Rows of a sheet, its header among them; what is more goes on in another sheet."""
WIDEST = 60

Cell = str | int | datetime | None


def write(
    file: BinaryIO,
    sheet_name: str,
    columns: Mapping[str, int],
    rows: Iterable[Sequence[Cell]],
    *,
    zone: ZoneInfo,
    date_format: str,
) -> None:
    """Into ``file``: a header row that stays in view and filters, and ``rows``. ``columns`` are names with widths.

    Moments are written as dates in ``zone``, shown as ``date_format`` says; texts stay texts, whatever they begin with.
    """
    options: dict[str, Any] = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": date_format,
    }
    with xlsxwriter.Workbook(file, options) as book:
        head = book.add_format({"bold": True, "bg_color": "#E8EDEE", "bottom": 1})
        sheet, at, sheets = None, 0, 0
        for row in rows:
            if sheet is None or at == MOST_ROWS:
                _close(sheet, columns, at)
                sheets += 1
                sheet, at = _sheet(book, sheet_name if sheets == 1 else f"{sheet_name} {sheets}", columns, head), 1
            _write_row(sheet, at, row, zone)
            at += 1
        if sheet is None:
            sheet, at = _sheet(book, sheet_name, columns, head), 1
        _close(sheet, columns, at)


def _sheet(book: Any, name: str, columns: Mapping[str, int], head: Any) -> Any:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    for number, (column, width) in enumerate(columns.items()):
        sheet.set_column(number, number, min(width, WIDEST))
        sheet.write_string(0, number, column, head)
    return sheet


def _close(sheet: Any, columns: Mapping[str, int], rows: int) -> None:
    if sheet is not None:
        sheet.autofilter(0, 0, max(rows - 1, 1), len(columns) - 1)


def _write_row(sheet: Any, at: int, row: Sequence[Cell], zone: ZoneInfo) -> None:
    for number, cell in enumerate(row):
        if not cell:
            continue
        if isinstance(cell, str):
            sheet.write_string(at, number, cell)
        elif isinstance(cell, datetime):
            sheet.write_datetime(at, number, cell.astimezone(zone).replace(tzinfo=None))
        else:
            sheet.write_number(at, number, cell)
