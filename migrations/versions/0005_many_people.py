"""many people at once: bulk work with a result for each person, and uploads with a verdict for each row

Revision ID: 0005
Revises: 0004
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def moment(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def asked(table: str) -> list[Any]:
    """The columns and constraints of what somebody asked the worker for."""
    return [
        sa.Column("address", sa.String(length=60), nullable=False),
        sa.Column("zone", sa.String(length=10), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        moment("stopped_at"),
        sa.Column("state", sa.String(length=12), nullable=False),
        moment("created_at", nullable=False),
        moment("due_at", nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=60), nullable=True),
        moment("lease_until"),
        moment("finished_at"),
        sa.Column("last_error", sa.String(length=300), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'done', 'failed', 'dropped')", name=op.f(f"ck_{table}_state_known")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f(f"fk_{table}_organisation_id")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f(f"fk_{table}_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def upgrade() -> None:
    op.create_index("ix_people_organisation_number", "people", ["organisation_id", "employee_number"])
    op.create_table(
        "bulk_works",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("per_day", sa.Integer(), nullable=True),
        sa.Column("refused", sa.Integer(), nullable=False),
        *asked("bulk_works"),
    )
    op.create_table(
        "bulk_items",
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(length=40), nullable=False),
        moment("at"),
        sa.ForeignKeyConstraint(["work_id"], ["bulk_works.id"], name=op.f("fk_bulk_items_work_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_bulk_items_person_id")),
        sa.PrimaryKeyConstraint("work_id", "position", name=op.f("pk_bulk_items")),
    )
    op.create_index("ix_bulk_items_result", "bulk_items", ["work_id", "result", "position"])
    op.create_table(
        "uploads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("form", sa.String(length=10), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("head", sa.JSON(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("stage", sa.String(length=10), nullable=False),
        *asked("uploads"),
    )
    op.create_table(
        "upload_rows",
        sa.Column("upload_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=220), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["uploads.id"], name=op.f("fk_upload_rows_upload_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_upload_rows_person_id")),
        sa.PrimaryKeyConstraint("upload_id", "position", name=op.f("pk_upload_rows")),
    )
    for name in ("verdict", "person", "address"):
        column = {"verdict": ["verdict", "position"], "person": ["person_id"], "address": ["address"]}[name]
        op.create_index(f"ix_upload_rows_{name}", "upload_rows", ["upload_id", *column])
    for table in ("bulk_works", "uploads"):
        op.create_index(op.f(f"ix_{table}_due"), table, ["state", "due_at", "id"])
        op.create_index(op.f(f"ix_{table}_organisation_id"), table, ["organisation_id"])
        op.create_index(op.f(f"ix_{table}_account_id"), table, ["account_id"])
    for table in ("bulk_items", "upload_rows"):
        op.create_index(op.f(f"ix_{table}_person_id"), table, ["person_id"])


def downgrade() -> None:
    for table in ("upload_rows", "uploads", "bulk_items", "bulk_works"):
        op.drop_table(table)
    op.drop_index("ix_people_organisation_number", table_name="people")
