"""Carry orders through fire"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Exact, Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kill_switches",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("slot", sa.String(length=80), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("extent_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("flatten", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("done_at", Moment(), nullable=True),
        sa.Column("released_at", Moment(), nullable=True),
        sa.Column("released_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_kill_switches_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kill_switches")),
        sa.UniqueConstraint("slot", name=op.f("uq_kill_switches_slot")),
    )
    op.create_index(op.f("ix_kill_switches_done_at"), "kill_switches", ["done_at"], unique=False)
    op.create_index("ix_kill_switches_owner_id_at", "kill_switches", ["owner_id", "at"], unique=False)
    op.create_table(
        "order_tickets",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("draft", sa.JSON(), nullable=False),
        sa.Column("errand_id", sa.String(), nullable=True),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("placed_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_order_tickets_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_tickets")),
        sa.UniqueConstraint("owner_id", "key", name=op.f("uq_order_tickets_owner_id_key")),
    )
    op.create_table(
        "trading_stands",
        sa.Column("slot", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("extent_id", sa.String(length=40), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_by", sa.String(), nullable=False),
        sa.Column("state_why", sa.String(), nullable=False),
        sa.Column("state_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_trading_stands_owner_id_users")),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_trading_stands")),
    )
    op.create_index(op.f("ix_trading_stands_state"), "trading_stands", ["state"], unique=False)
    op.create_table(
        "kill_switch_accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kill_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.Column("cancelling", sa.Integer(), nullable=False),
        sa.Column("exiting", sa.Integer(), nullable=False),
        sa.Column("orders_left", sa.Integer(), nullable=False),
        sa.Column("runs_left", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("done_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_kill_switch_accounts_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["kill_id"],
            ["kill_switches.id"],
            name=op.f("fk_kill_switch_accounts_kill_id_kill_switches"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_kill_switch_accounts_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kill_switch_accounts")),
        sa.UniqueConstraint("kill_id", "account_id", name=op.f("uq_kill_switch_accounts_kill_id_account_id")),
    )
    op.create_index(op.f("ix_kill_switch_accounts_kill_id"), "kill_switch_accounts", ["kill_id"], unique=False)
    op.create_table(
        "position_differences",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("desk_quantity", Exact(), nullable=False),
        sa.Column("venue_quantity", Exact(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("foreign_order_id", sa.String(), nullable=True),
        sa.Column("foreign_price", Exact(), nullable=True),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.Column("first_seen_at", Moment(), nullable=False),
        sa.Column("last_seen_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_position_differences_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_position_differences_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_position_differences")),
        sa.UniqueConstraint(
            "account_id",
            "exchange",
            "symbol",
            "product",
            name=op.f("uq_position_differences_account_id_exchange_symbol_product"),
        ),
    )
    op.create_index(op.f("ix_position_differences_owner_id"), "position_differences", ["owner_id"], unique=False)
    op.create_table(
        "order_changes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("by_desk", sa.Boolean(), nullable=True),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("price_type", sa.String(), nullable=False),
        sa.Column("price", Exact(), nullable=True),
        sa.Column("trigger_price", Exact(), nullable=True),
        sa.Column("old_quantity", Exact(), nullable=False),
        sa.Column("old_price_type", sa.String(), nullable=False),
        sa.Column("old_price", Exact(), nullable=True),
        sa.Column("old_trigger_price", Exact(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=True),
        sa.Column("seen_mark", sa.Integer(), nullable=False),
        sa.Column("lookups", sa.Integer(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.Column("answered_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("settled_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_order_changes_account_id_accounts")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_changes_order_id_orders")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_order_changes_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_changes")),
        sa.UniqueConstraint("owner_id", "key", name=op.f("uq_order_changes_owner_id_key")),
    )
    op.create_index(op.f("ix_order_changes_order_id"), "order_changes", ["order_id"], unique=False)
    op.create_index(
        "ix_order_changes_unsettled",
        "order_changes",
        ["account_id"],
        unique=False,
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index(
        "uq_order_changes_unfinished",
        "order_changes",
        ["order_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    with op.batch_alter_table("account_runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stopped", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("hurried", sa.Boolean(), server_default=sa.text("(false)"), nullable=False))

    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("state_by", sa.String(length=120), server_default="", nullable=False))
        batch_op.add_column(sa.Column("state_why", sa.String(length=200), server_default="", nullable=False))
        batch_op.add_column(sa.Column("state_at", Moment(), nullable=True))
        batch_op.add_column(sa.Column("kept_for_exits", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("market_protection", Exact(), nullable=True))

    with op.batch_alter_table("carried_positions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("by_hand", Exact(), server_default="0", nullable=False))

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cancel_batch", sa.String(), nullable=True))
        batch_op.create_index(
            "ix_orders_by_hand",
            ["account_id", "symbol"],
            unique=False,
            sqlite_where=sa.text("account_run_id IS NULL"),
            postgresql_where=sa.text("account_run_id IS NULL"),
        )
        batch_op.create_index(
            "ix_orders_by_hand_state",
            ["owner_id", "state"],
            unique=False,
            sqlite_where=sa.text("account_run_id IS NULL"),
            postgresql_where=sa.text("account_run_id IS NULL"),
        )
        batch_op.create_index(
            "ix_orders_cancel_batch",
            ["cancel_batch"],
            unique=False,
            sqlite_where=sa.text("cancel_batch IS NOT NULL"),
            postgresql_where=sa.text("cancel_batch IS NOT NULL"),
        )
        batch_op.create_index("ix_orders_filled_at", ["filled_at"], unique=False)

    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("exits", sa.JSON(), nullable=True))

    with op.batch_alter_table("strategies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("exits", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("strategies", schema=None) as batch_op:
        batch_op.drop_column("exits")

    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_column("exits")

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index("ix_orders_filled_at")
        batch_op.drop_index(
            "ix_orders_cancel_batch",
            sqlite_where=sa.text("cancel_batch IS NOT NULL"),
            postgresql_where=sa.text("cancel_batch IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_orders_by_hand_state",
            sqlite_where=sa.text("account_run_id IS NULL"),
            postgresql_where=sa.text("account_run_id IS NULL"),
        )
        batch_op.drop_index(
            "ix_orders_by_hand",
            sqlite_where=sa.text("account_run_id IS NULL"),
            postgresql_where=sa.text("account_run_id IS NULL"),
        )
        batch_op.drop_column("cancel_batch")

    with op.batch_alter_table("carried_positions", schema=None) as batch_op:
        batch_op.drop_column("by_hand")

    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_column("market_protection")
        batch_op.drop_column("kept_for_exits")
        batch_op.drop_column("state_at")
        batch_op.drop_column("state_why")
        batch_op.drop_column("state_by")

    with op.batch_alter_table("account_runs", schema=None) as batch_op:
        batch_op.drop_column("hurried")
        batch_op.drop_column("stopped")

    op.drop_table("order_changes")
    op.drop_table("position_differences")
    op.drop_table("kill_switch_accounts")
    op.drop_table("trading_stands")
    op.drop_table("order_tickets")
    op.drop_table("kill_switches")
