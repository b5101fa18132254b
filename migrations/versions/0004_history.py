"""history: what happened in an organisation is found by its kind

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_entries_event", "audit_entries", ["chain", "event", "sequence"])


def downgrade() -> None:
    op.drop_index("ix_audit_entries_event", table_name="audit_entries")
