"""the contacts list: what it is sorted, filtered and searched by stands in rows that share the organisation's id

Revision ID: 0003
Revises: 0002
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BATCH = 1000
UNUSABLE_EMAIL = sa.text("primary_email = '' OR email_is_temporary OR email_bounced_at IS NOT NULL")
ORDER = {"locked": 1, "unlock-pending": 2, "registration-pending": 3, "not-registered": 4, "active": 5, "inactive": 6}
CASE = "CASE state {} END".format(" ".join(f"WHEN '{state}' THEN {number}" for state, number in ORDER.items()))
SEARCH_TEXT_LENGTH = 1200


def upgrade() -> None:
    op.add_column(
        "people", sa.Column("sorted_types", sa.String(length=400), server_default=sa.text("''"), nullable=False)
    )
    for table in ("accounts", "person_contact_types"):
        op.add_column(table, sa.Column("organisation_id", sa.Integer(), nullable=True))
        theirs = f"(SELECT organisation_id FROM people WHERE people.id = {table}.person_id)"
        op.execute(f"UPDATE {table} SET organisation_id = {theirs}")
    op.add_column("accounts", sa.Column("state_order", sa.Integer(), nullable=True))
    op.execute(f"UPDATE accounts SET state_order = {CASE}")
    op.add_column("accounts", sa.Column("sorted_sign_in_at", sa.DateTime(timezone=True), nullable=True))
    never = sa.bindparam("never", datetime(1970, 1, 1, tzinfo=UTC), type_=sa.DateTime(timezone=True))
    sorted_by = sa.text("UPDATE accounts SET sorted_sign_in_at = coalesce(last_sign_in_at, :never)")
    op.execute(sorted_by.bindparams(never))
    _say_again()
    with op.batch_alter_table("accounts") as accounts:
        accounts.alter_column("organisation_id", existing_type=sa.Integer(), nullable=False)
        accounts.alter_column("state_order", existing_type=sa.Integer(), nullable=False)
        accounts.alter_column("sorted_sign_in_at", existing_type=sa.DateTime(timezone=True), nullable=False)
        accounts.create_check_constraint(op.f("ck_accounts_state_order_follows"), f"state_order = {CASE}")
        accounts.create_foreign_key(op.f("fk_accounts_organisation_id"), "organisations", ["organisation_id"], ["id"])
    with op.batch_alter_table("person_contact_types") as types:
        types.alter_column("organisation_id", existing_type=sa.Integer(), nullable=False)
        types.create_foreign_key(
            op.f("fk_person_contact_types_organisation_id"), "organisations", ["organisation_id"], ["id"]
        )
    _index()


def _index() -> None:
    for name, column in (("email", "primary_email_folded"), ("phone", "primary_phone"), ("types", "sorted_types")):
        op.create_index(f"ix_people_organisation_{name}", "people", ["organisation_id", column, "sort_name", "id"])
    op.create_index(
        "ix_people_organisation_unusable_email",
        "people",
        ["organisation_id", "id"],
        sqlite_where=UNUSABLE_EMAIL,
        postgresql_where=UNUSABLE_EMAIL,
    )
    by_state = ["organisation_id", "state_order", "unlock_expires_at", "person_id"]
    op.create_index("ix_accounts_organisation_state", "accounts", by_state)
    by_sign_in = ["organisation_id", "sorted_sign_in_at", "person_id"]
    op.create_index("ix_accounts_organisation_sign_in", "accounts", by_sign_in)
    op.create_index(
        "ix_person_contact_types_organisation",
        "person_contact_types",
        ["organisation_id", "contact_type", "person_id"],
    )


def _say_again() -> None:
    """Contact types in their order; and usernames and numbers behind the names that a search looks in."""
    connection = op.get_bind()
    held: dict[int, list[str]] = {}
    for person, contact_type in connection.execute(sa.text("SELECT person_id, contact_type FROM person_contact_types")):
        held.setdefault(person, []).append(contact_type)
    write = sa.text("UPDATE people SET sorted_types = :types, search_text = :search WHERE id = :id")
    for people in _people():
        connection.execute(
            write,
            [
                {"id": row.id, "types": " ".join(sorted(held.get(row.id, []))), "search": _search_text(row)}
                for row in people
            ],
        )


def _people() -> Iterator[list[sa.Row]]:
    query = sa.text(
        "SELECT people.id, search_text, ess_id, username, employee_number, "
        "primary_phone, secondary_phone, mobile_phone "
        "FROM people LEFT JOIN accounts ON accounts.person_id = people.id "
        "WHERE people.id > :after ORDER BY people.id LIMIT :most"
    )
    after = 0
    while people := list(op.get_bind().execute(query, {"after": after, "most": BATCH})):
        yield people
        after = people[-1].id


def _search_text(row: sa.Row) -> str:
    number = " ".join(re.findall(r"\w+", row.employee_number.casefold()))
    phones = (re.sub(r"\D+", "", phone) for phone in (row.primary_phone, row.secondary_phone, row.mobile_phone))
    found = row.search_text
    for part in filter(None, [row.username, str(row.ess_id), number, *phones]):
        if part not in found.split():
            found = f"{found} {part}"
    return found[:SEARCH_TEXT_LENGTH]


def downgrade() -> None:
    # What was added to the text of a search stays there: it finds more than was asked for, and nothing less.
    op.drop_index("ix_person_contact_types_organisation", "person_contact_types")
    op.drop_index("ix_accounts_organisation_sign_in", "accounts")
    op.drop_index("ix_accounts_organisation_state", "accounts")
    for name in ("unusable_email", "types", "phone", "email"):
        op.drop_index(f"ix_people_organisation_{name}", "people")
    with op.batch_alter_table("person_contact_types") as types:
        types.drop_constraint(op.f("fk_person_contact_types_organisation_id"), type_="foreignkey")
        types.drop_column("organisation_id")
    with op.batch_alter_table("accounts") as accounts:
        accounts.drop_constraint(op.f("fk_accounts_organisation_id"), type_="foreignkey")
        accounts.drop_constraint(op.f("ck_accounts_state_order_follows"), type_="check")
        accounts.drop_column("sorted_sign_in_at")
        accounts.drop_column("state_order")
        accounts.drop_column("organisation_id")
    op.drop_column("people", "sorted_types")
