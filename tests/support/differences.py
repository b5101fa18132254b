"""What a request did to the rows of all tables: which columns of which tables, and how many rows came and went."""

from collections import Counter

from portal.extensions import db

Rows = dict[str, list[tuple[object, ...]]]


def differences(before: Rows, after: Rows) -> Counter[str]:
    """``people.job_title`` for a changed column, ``people +`` and ``people -`` for rows; each with how many."""
    found: Counter[str] = Counter()
    for table in db.metadata.sorted_tables:
        if before[table.name] == after[table.name]:
            continue
        places = [place for place, column in enumerate(table.columns) if column.primary_key]
        was = {tuple(row[place] for place in places): row for row in before[table.name]}
        now = {tuple(row[place] for place in places): row for row in after[table.name]}
        found[f"{table.name} +"] += len(now.keys() - was.keys())
        found[f"{table.name} -"] += len(was.keys() - now.keys())
        for key in was.keys() & now.keys():
            pairs = zip(table.columns, was[key], now[key], strict=True)
            found.update(f"{table.name}.{column.name}" for column, old, new in pairs if old != new)
    return +found
