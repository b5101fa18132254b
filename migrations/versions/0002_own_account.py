"""own account: amendable records, changes of e-mail, passwords asked for again, and the first administrator's link

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    amendable = sa.Column("own_record_amendable", sa.Boolean(), server_default=sa.true(), nullable=False)
    op.add_column("organisations", amendable)
    op.add_column("sessions", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sessions", sa.Column("held_form", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "email_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("issue", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=20), nullable=False),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_email_changes_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_changes")),
        sa.UniqueConstraint("issue", name=op.f("uq_email_changes_issue")),
    )
    op.create_index(op.f("ix_email_changes_account_id"), "email_changes", ["account_id"], unique=False)
    op.create_table(
        "enrolment_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_enrolment_links_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_enrolment_links_token_hash")),
    )
    op.create_index(op.f("ix_enrolment_links_account_id"), "enrolment_links", ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_table("enrolment_links")
    op.drop_table("email_changes")
    # One by one: rebuilding the tables, as batches do, would take their rows through a copy.
    op.drop_column("sessions", "held_form")
    op.drop_column("sessions", "confirmed_at")
    op.drop_column("organisations", "own_record_amendable")
