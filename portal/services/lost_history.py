"""Which entries of the audit trail a database that is put back does not have: what happened since is lost, and told."""

from collections.abc import Mapping
from typing import Any

from portal.services.audit import Head

MOST_CHAINS = 20
"""Chains that the entry about it names; the others are counted."""

Lost = dict[str, Any]


def lost(heads: Mapping[int, Head], backup: Any, present: Any | None) -> Lost:
    """What there is up to ``heads`` and not in ``backup``; ``present`` is the database to be replaced, if it answers.

    Answers ``{"chains": [[organisation, first, last], …], "more": how many chains beside these}``.
    """
    spans = []
    for chain, head in sorted(heads.items()):
        if _hash_at(backup, chain, head.sequence) != head.hash:
            first = _last_alike(chain, head.sequence, backup, present) + 1
            spans.append([chain, first, head.sequence])
    named = [[_code(chain, backup, present), first, last] for chain, first, last in spans[:MOST_CHAINS]]
    return {"chains": named, "more": len(spans) - len(named)}


def heads_of(database: Any) -> dict[int, Head]:
    """The chains' heads, as the database has them."""
    found = database.execute("SELECT chain, sequence, head FROM audit_chains")
    return {chain: Head(sequence, known) for chain, sequence, known in found}


def newest(some: Mapping[int, Head], others: Mapping[int, Head]) -> dict[int, Head]:
    """Of each chain the head with the higher number."""
    heads = dict(some)
    for chain, head in others.items():
        if chain not in heads or head.sequence > heads[chain].sequence:
            heads[chain] = head
    return heads


def _last_alike(chain: int, up_to: int, backup: Any, present: Any | None) -> int:
    """The last number up to which both have the same entries: where the hashes are alike, all before it is.

    With nothing to compare, whatever the backup has before ``up_to`` counts as alike.
    """
    (last,) = backup.execute(
        "SELECT coalesce(max(sequence), 0) FROM audit_entries WHERE chain = ?", (chain,)
    ).fetchone()
    low, high = 0, min(last, up_to)
    if present is None:
        return high if last < up_to else 0
    while low < high:
        middle = (low + high + 1) // 2
        if _hash_at(backup, chain, middle) == _hash_at(present, chain, middle):
            low = middle
        else:
            high = middle - 1
    return low


def _hash_at(database: Any, chain: int, number: int) -> str | None:
    found = database.execute(
        "SELECT hash FROM audit_entries WHERE chain = ? AND sequence = ?", (chain, number)
    ).fetchone()
    return found[0] if found else None


def _code(chain: int, backup: Any, present: Any | None) -> str:
    """The organisation's code, which one of the two knows; nothing for what belongs to none."""
    for database in (present, backup):
        found = (
            database.execute("SELECT code FROM organisations WHERE id = ?", (chain,)).fetchone() if database else None
        )
        if found:
            return str(found[0])
    return str(chain) if chain else ""
