"""indexes of the contacts list: registrations that wait, by when they end; unusable addresses in the order of names

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UNUSABLE_EMAIL = sa.text("primary_email = '' OR email_is_temporary OR email_bounced_at IS NOT NULL")
REGISTRATION_PENDING = sa.text("state_order = 3")


def upgrade() -> None:
    op.create_index(
        "ix_accounts_organisation_pending",
        "accounts",
        ["organisation_id", "temporary_password_expires_at", "temporary_password_issue", "person_id"],
        sqlite_where=REGISTRATION_PENDING,
        postgresql_where=REGISTRATION_PENDING,
    )
    _index_unusable("organisation_id", "sort_name", "id")


def downgrade() -> None:
    _index_unusable("organisation_id", "id")
    op.drop_index("ix_accounts_organisation_pending", "accounts")


def _index_unusable(*columns: str) -> None:
    name = "ix_people_organisation_unusable_email"
    op.drop_index(name, "people")
    op.create_index(name, "people", list(columns), sqlite_where=UNUSABLE_EMAIL, postgresql_where=UNUSABLE_EMAIL)
