"""Rest pairs at the broker"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Exact

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("target_trigger", Exact(), nullable=True))
        batch_op.add_column(sa.Column("target_price", Exact(), nullable=True))
        batch_op.add_column(sa.Column("fired", sa.String(length=8), server_default="", nullable=False))
    with op.batch_alter_table("leg_runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("at_broker", sa.Boolean(), server_default=sa.text("(false)"), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("leg_runs", schema=None) as batch_op:
        batch_op.drop_column("at_broker")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_column("fired")
        batch_op.drop_column("target_price")
        batch_op.drop_column("target_trigger")
