"""Watch the market live"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Exact, Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "candle_series",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column("symbol", sa.String(length=64), nullable=False),
        sa.Column("interval", sa.String(length=8), nullable=False),
        sa.Column("wanted_at", Moment(), nullable=False),
        sa.Column("tried_at", Moment(), nullable=True),
        sa.Column("read_at", Moment(), nullable=True),
        sa.Column("traded", Exact(), nullable=True),
        sa.Column("trouble", sa.String(), server_default="", nullable=False),
        sa.Column("bars", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candle_series")),
        sa.UniqueConstraint("exchange", "symbol", "interval", name=op.f("uq_candle_series_exchange_symbol_interval")),
    )
    op.create_index(op.f("ix_candle_series_wanted_at"), "candle_series", ["wanted_at"], unique=False)
    op.create_table(
        "instrument_families",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("venue_kind", sa.String(length=32), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column(
            "word", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column(
            "name", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column(
            "symbol",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("expiry", sa.Date(), nullable=True),
        sa.Column("contracts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instrument_families")),
    )
    op.create_index("ix_instrument_families_word", "instrument_families", ["word"], unique=False)
    op.create_table(
        "instrument_readings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("venue_kind", sa.String(length=32), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("contracts", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instrument_readings")),
    )
    op.create_index(
        "ix_instrument_readings_newest", "instrument_readings", ["venue_kind", "exchange", "at"], unique=False
    )
    op.create_table(
        "risk_trails",
        sa.Column("subject_id", sa.String(length=40), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("peak", Exact(), nullable=False),
        sa.Column("stop", Exact(), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_risk_trails")),
    )
    op.create_index(op.f("ix_risk_trails_run_id"), "risk_trails", ["run_id"], unique=False)
    op.create_table(
        "instrument_overrides",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=160), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=True),
        sa.Column("set_by_name", sa.Text(), nullable=False),
        sa.Column("set_at", Moment(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("ended_by_name", sa.Text(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["set_by"], ["users.id"], name=op.f("fk_instrument_overrides_set_by_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instrument_overrides")),
    )
    op.create_index(op.f("ix_instrument_overrides_changed_at"), "instrument_overrides", ["changed_at"], unique=False)
    op.create_index("ix_instrument_overrides_subject", "instrument_overrides", ["exchange", "subject"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", Moment(), nullable=False),
        sa.Column("last_at", Moment(), nullable=False),
        sa.Column("read_at", Moment(), nullable=True),
        sa.Column("acknowledged_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_notifications_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("owner_id", "key", name=op.f("uq_notifications_owner_id_key")),
    )
    op.create_index("ix_notifications_owner_id_last_at", "notifications", ["owner_id", "last_at"], unique=False)
    op.create_table(
        "risk_events",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("reach", sa.String(length=8), nullable=False),
        sa.Column("subject_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("rule", sa.String(length=24), nullable=False),
        sa.Column("threshold", Exact(), nullable=True),
        sa.Column("value", Exact(), nullable=True),
        sa.Column("prices", sa.JSON(), nullable=False),
        sa.Column("decided", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_risk_events_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_events")),
    )
    op.create_index("ix_risk_events_owner_id_at", "risk_events", ["owner_id", "at"], unique=False)
    op.create_index("ix_risk_events_run_id", "risk_events", ["run_id"], unique=False)
    op.create_table(
        "watchlists",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_watchlists_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watchlists")),
        sa.UniqueConstraint("owner_id", "name_key", name=op.f("uq_watchlists_owner_id_name_key")),
    )
    op.create_index(op.f("ix_watchlists_owner_id"), "watchlists", ["owner_id"], unique=False)
    op.create_table(
        "cached_counts",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("polls", sa.JSON(), nullable=False),
        sa.Column("pushes", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("last_success_at", Moment(), nullable=True),
        sa.Column("last_error_at", Moment(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_cached_counts_account_id_accounts")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_cached_counts")),
    )
    op.create_table(
        "cached_parts",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.Column("read_at", Moment(), nullable=False),
        sa.Column("fresh_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_cached_parts_account_id_accounts")),
        sa.PrimaryKeyConstraint("account_id", "part", name=op.f("pk_cached_parts")),
    )
    op.create_table(
        "price_alerts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("other_exchange", sa.String(), nullable=False),
        sa.Column("other_symbol", sa.String(), nullable=False),
        sa.Column("ratio", Exact(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("level", Exact(), nullable=False),
        sa.Column("reference", Exact(), nullable=True),
        sa.Column("repeat", sa.String(), nullable=False),
        sa.Column("pause_minutes", sa.Integer(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("armed", sa.Boolean(), nullable=False),
        sa.Column("side", sa.Integer(), nullable=True),
        sa.Column("fired_at", Moment(), nullable=True),
        sa.Column("firings", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.Column("removed_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_price_alerts_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_price_alerts_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_alerts")),
    )
    op.create_index("ix_price_alerts_owner_id_created_at", "price_alerts", ["owner_id", "created_at"], unique=False)
    op.create_index(op.f("ix_price_alerts_removed_at"), "price_alerts", ["removed_at"], unique=False)
    op.create_index(op.f("ix_price_alerts_state"), "price_alerts", ["state"], unique=False)
    op.create_table(
        "watched_symbols",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("watchlist_id", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["watchlist_id"],
            ["watchlists.id"],
            name=op.f("fk_watched_symbols_watchlist_id_watchlists"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watched_symbols")),
        sa.UniqueConstraint(
            "watchlist_id", "exchange", "symbol", name=op.f("uq_watched_symbols_watchlist_id_exchange_symbol")
        ),
    )
    op.create_index(op.f("ix_watched_symbols_watchlist_id"), "watched_symbols", ["watchlist_id"], unique=False)
    op.create_table(
        "alert_firings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("value", Exact(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["price_alerts.id"], name=op.f("fk_alert_firings_alert_id_price_alerts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_alert_firings_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_firings")),
    )
    op.create_index(op.f("ix_alert_firings_alert_id"), "alert_firings", ["alert_id"], unique=False)
    op.create_index("ix_alert_firings_owner_id_at", "alert_firings", ["owner_id", "at"], unique=False)
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("poll_seconds", Exact(), nullable=True))
        batch_op.add_column(sa.Column("reads_per_minute", sa.Integer(), nullable=True))

    op.drop_index(op.f("ix_instruments_family"), table_name="instruments")
    op.create_index(
        "ix_instruments_family", "instruments", ["name", "exchange", "kind", "expiry", "strike"], unique=False
    )
    with op.batch_alter_table("leg_runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stop", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("target", sa.JSON(), nullable=True))

    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("limits", sa.JSON(), nullable=True))

    with op.batch_alter_table("strategies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("limits", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("strategies", schema=None) as batch_op:
        batch_op.drop_column("limits")

    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_column("limits")

    with op.batch_alter_table("leg_runs", schema=None) as batch_op:
        batch_op.drop_column("target")
        batch_op.drop_column("stop")

    op.drop_index("ix_instruments_family", table_name="instruments")
    op.create_index(op.f("ix_instruments_family"), "instruments", ["name", "exchange", "kind", "expiry"], unique=False)
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_column("reads_per_minute")
        batch_op.drop_column("poll_seconds")

    op.drop_table("alert_firings")
    op.drop_table("watched_symbols")
    op.drop_table("price_alerts")
    op.drop_table("cached_parts")
    op.drop_table("cached_counts")
    op.drop_table("watchlists")
    op.drop_table("risk_events")
    op.drop_table("notifications")
    op.drop_table("instrument_overrides")
    op.drop_table("risk_trails")
    op.drop_table("instrument_readings")
    op.drop_table("instrument_families")
    op.drop_table("candle_series")
