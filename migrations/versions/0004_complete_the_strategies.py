"""Complete the strategies"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Exact, Moment, Summed

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_peaks",
        sa.Column("slot", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("peak", Exact(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "day", name=op.f("pk_day_peaks")),
    )
    op.create_table(
        "pnl_samples",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("total", Summed(), nullable=False),
        sa.Column("stop", Summed(), nullable=True),
        sa.Column("grain", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_pnl_samples")),
    )
    op.create_index("ix_pnl_samples_subject_at", "pnl_samples", ["subject", "at"], unique=False)
    op.create_table(
        "risk_readings",
        sa.Column("subject_id", sa.String(length=40), nullable=False),
        sa.Column("rule", sa.String(length=24), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("value", Exact(), nullable=True),
        sa.Column("threshold", Exact(), nullable=True),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "rule", name=op.f("pk_risk_readings")),
    )
    op.create_index(op.f("ix_risk_readings_run_id"), "risk_readings", ["run_id"], unique=False)
    op.create_table(
        "day_limits",
        sa.Column("slot", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("extent_id", sa.String(length=40), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_day_limits_owner_id_users")),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_day_limits")),
    )
    op.create_index(op.f("ix_day_limits_owner_id"), "day_limits", ["owner_id"], unique=False)
    op.create_table(
        "ready_checks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(length=16), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("ready", sa.Integer(), nullable=False),
        sa.Column("wanting", sa.Integer(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_ready_checks_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ready_checks")),
        sa.UniqueConstraint("owner_id", "key", name=op.f("uq_ready_checks_owner_id_key")),
    )
    op.create_index("ix_ready_checks_owner_id_at", "ready_checks", ["owner_id", "at"], unique=False)
    op.create_table(
        "sizing_settings",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_sizing_settings_owner_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_sizing_settings")),
    )
    op.create_table(
        "strategy_templates",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_strategy_templates_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_templates")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_strategy_templates_owner_id_name")),
    )
    op.create_table(
        "trip_notes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("tags", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_trip_notes_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trip_notes")),
        sa.UniqueConstraint("owner_id", "entry_id", name=op.f("uq_trip_notes_owner_id_entry_id")),
    )
    op.create_table(
        "account_days",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("equity", Exact(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_days_account_id_accounts")),
        sa.PrimaryKeyConstraint("account_id", "day", name=op.f("pk_account_days")),
    )
    op.create_table(
        "day_results",
        sa.Column("trip_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("underlying", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("strategy_id", sa.String(), nullable=True),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("realised", Summed(), nullable=True),
        sa.Column("charges", Summed(), nullable=True),
        sa.Column("turnover", Summed(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_day_results_account_id_accounts")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_day_results_owner_id_users")),
        sa.PrimaryKeyConstraint("trip_id", "day", "exchange", "symbol", name=op.f("pk_day_results")),
    )
    op.create_index("ix_day_results_owner_id_day", "day_results", ["owner_id", "day"], unique=False)
    op.create_table(
        "margin_readings",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("legs", sa.String(length=64), nullable=False),
        sa.Column("total", Exact(), nullable=False),
        sa.Column("read_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_margin_readings_account_id_accounts")),
        sa.PrimaryKeyConstraint("account_id", "legs", name=op.f("pk_margin_readings")),
    )
    op.create_index(op.f("ix_margin_readings_read_at"), "margin_readings", ["read_at"], unique=False)
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("symbols", sa.JSON(), nullable=False),
        sa.Column("strategy_id", sa.String(), nullable=True),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("first_at", Moment(), nullable=True),
        sa.Column("last_at", Moment(), nullable=True),
        sa.Column("heard", sa.Integer(), nullable=False),
        sa.Column("ticks", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_recordings_owner_id_users")),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name=op.f("fk_recordings_strategy_id_strategies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
    )
    op.create_index("ix_recordings_owner_id_day", "recordings", ["owner_id", "day"], unique=False)
    op.create_index("ix_recordings_state", "recordings", ["state"], unique=False)
    op.create_table(
        "replays",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("strategy_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("accounts", sa.JSON(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("tape", sa.String(length=160), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("began_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("cancel_asked_at", Moment(), nullable=True),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("journal", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_replays_owner_id_users")),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name=op.f("fk_replays_strategy_id_strategies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replays")),
    )
    op.create_index("ix_replays_owner_id_asked_at", "replays", ["owner_id", "asked_at"], unique=False)
    op.create_index("ix_replays_state", "replays", ["state"], unique=False)
    op.create_table(
        "round_trips",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("strategy_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("realised", Summed(), nullable=True),
        sa.Column("charges", Summed(), nullable=True),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_round_trips_account_id_accounts")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_round_trips_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_round_trips")),
    )
    op.create_index(op.f("ix_round_trips_entry_id"), "round_trips", ["entry_id"], unique=False)
    op.create_index("ix_round_trips_owner_id_closed_on", "round_trips", ["owner_id", "closed_on"], unique=False)
    op.create_index(
        "ix_round_trips_place", "round_trips", ["account_id", "exchange", "symbol", "product"], unique=False
    )
    op.create_index(op.f("ix_round_trips_run_id"), "round_trips", ["run_id"], unique=False)
    op.create_table(
        "strategy_versions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("strategy_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name=op.f("fk_strategy_versions_strategy_id_strategies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_versions")),
        sa.UniqueConstraint("strategy_id", "number", name=op.f("uq_strategy_versions_strategy_id_number")),
    )
    op.create_table(
        "scheduled_entries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("strategy_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("slot", sa.String(length=8), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("decided_at", Moment(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("told_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_scheduled_entries_owner_id_users")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_scheduled_entries_run_id_runs")),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategies.id"], name=op.f("fk_scheduled_entries_strategy_id_strategies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_entries")),
        sa.UniqueConstraint("strategy_id", "day", "slot", name=op.f("uq_scheduled_entries_strategy_id_day_slot")),
    )
    op.create_index("ix_scheduled_entries_owner_id_due_at", "scheduled_entries", ["owner_id", "due_at"], unique=False)
    op.create_index("ix_scheduled_entries_told_at", "scheduled_entries", ["told_at"], unique=False)
    op.create_table(
        "leg_waits",
        sa.Column("leg_run_id", sa.String(), nullable=False),
        sa.Column("after_id", sa.String(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("reference", Exact(), nullable=True),
        sa.Column("reference_at", Moment(), nullable=True),
        sa.Column("starts_at", Moment(), nullable=True),
        sa.Column("ends_at", Moment(), nullable=True),
        sa.Column("last_at", Moment(), nullable=True),
        sa.Column("low", Exact(), nullable=True),
        sa.Column("high", Exact(), nullable=True),
        sa.Column("level", Exact(), nullable=True),
        sa.Column("is_above", sa.Boolean(), nullable=True),
        sa.Column("is_beyond", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("price", Exact(), nullable=True),
        sa.Column("price_at", Moment(), nullable=True),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["after_id"], ["leg_runs.id"], name=op.f("fk_leg_waits_after_id_leg_runs")),
        sa.ForeignKeyConstraint(
            ["leg_run_id"], ["leg_runs.id"], name=op.f("fk_leg_waits_leg_run_id_leg_runs"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_leg_waits_owner_id_users")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_leg_waits_run_id_runs")),
        sa.PrimaryKeyConstraint("leg_run_id", name=op.f("pk_leg_waits")),
        sa.UniqueConstraint("after_id", name=op.f("uq_leg_waits_after_id")),
    )
    op.create_index("ix_leg_waits_run_id", "leg_waits", ["run_id"], unique=False)
    with op.batch_alter_table("account_runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sizing", sa.JSON(), nullable=True))

    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("grade", sa.String(length=8), server_default="", nullable=False))
        batch_op.add_column(sa.Column("max_lots", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("max_value", Exact(), nullable=True))
        batch_op.add_column(
            sa.Column("counts_collateral", sa.Boolean(), server_default=sa.text("(false)"), nullable=False)
        )
        batch_op.add_column(sa.Column("seen_mode", sa.String(length=8), nullable=True))

    with op.batch_alter_table("leg_runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trigger_price", Exact(), nullable=True))
        batch_op.add_column(sa.Column("price_from", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("chase", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("chosen", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("waits", sa.String(length=8), server_default="", nullable=False))
        batch_op.add_column(sa.Column("entry", sa.Integer(), server_default=sa.text("1"), nullable=False))
        batch_op.add_column(sa.Column("again", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("entered_at", Moment(), nullable=True))
        batch_op.add_column(sa.Column("underlying", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("exit_rule", sa.String(length=24), nullable=True))
        batch_op.create_index(
            "ix_leg_runs_again",
            ["account_run_id"],
            unique=False,
            sqlite_where=sa.text("again IS NOT NULL"),
            postgresql_where=sa.text("again IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_leg_runs_waits",
            ["waits"],
            unique=False,
            sqlite_where=sa.text("waits != ''"),
            postgresql_where=sa.text("waits != ''"),
        )

    with op.batch_alter_table("risk_events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("key", sa.String(length=160), nullable=True))
        batch_op.add_column(sa.Column("day", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("action", sa.String(length=8), server_default="", nullable=False))
        batch_op.add_column(sa.Column("did", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("released_at", Moment(), nullable=True))
        batch_op.add_column(sa.Column("released_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("released_why", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_risk_events_day"), ["day"], unique=False)
        batch_op.create_unique_constraint(batch_op.f("uq_risk_events_key"), ["key"])

    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("schedule", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("begin_by", Moment(), nullable=True))
        batch_op.add_column(sa.Column("underlyings", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("sizing", sa.JSON(), nullable=True))

    with op.batch_alter_table("strategies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("schedule", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("armed_at", Moment(), nullable=True))
        batch_op.add_column(sa.Column("armed_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("sizing", sa.JSON(), nullable=True))
        batch_op.create_index(batch_op.f("ix_strategies_armed_at"), ["armed_at"], unique=False)

    with op.batch_alter_table("strategy_accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("grade", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("max_lots", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("max_value", Exact(), nullable=True))

    with op.batch_alter_table("trading_stands", schema=None) as batch_op:
        batch_op.add_column(sa.Column("until", Moment(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("trading_stands", schema=None) as batch_op:
        batch_op.drop_column("until")

    with op.batch_alter_table("strategy_accounts", schema=None) as batch_op:
        batch_op.drop_column("max_value")
        batch_op.drop_column("max_lots")
        batch_op.drop_column("grade")

    with op.batch_alter_table("strategies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_strategies_armed_at"))
        batch_op.drop_column("sizing")
        batch_op.drop_column("armed_by")
        batch_op.drop_column("armed_at")
        batch_op.drop_column("schedule")

    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_column("sizing")
        batch_op.drop_column("underlyings")
        batch_op.drop_column("begin_by")
        batch_op.drop_column("schedule")

    with op.batch_alter_table("risk_events", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_risk_events_key"), type_="unique")
        batch_op.drop_index(batch_op.f("ix_risk_events_day"))
        batch_op.drop_column("released_why")
        batch_op.drop_column("released_by")
        batch_op.drop_column("released_at")
        batch_op.drop_column("did")
        batch_op.drop_column("action")
        batch_op.drop_column("day")
        batch_op.drop_column("key")

    with op.batch_alter_table("leg_runs", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_leg_runs_waits", sqlite_where=sa.text("waits != ''"), postgresql_where=sa.text("waits != ''")
        )
        batch_op.drop_index(
            "ix_leg_runs_again",
            sqlite_where=sa.text("again IS NOT NULL"),
            postgresql_where=sa.text("again IS NOT NULL"),
        )
        batch_op.drop_column("exit_rule")
        batch_op.drop_column("underlying")
        batch_op.drop_column("entered_at")
        batch_op.drop_column("again")
        batch_op.drop_column("entry")
        batch_op.drop_column("waits")
        batch_op.drop_column("chosen")
        batch_op.drop_column("chase")
        batch_op.drop_column("price_from")
        batch_op.drop_column("trigger_price")

    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_column("seen_mode")
        batch_op.drop_column("counts_collateral")
        batch_op.drop_column("max_value")
        batch_op.drop_column("max_lots")
        batch_op.drop_column("grade")

    with op.batch_alter_table("account_runs", schema=None) as batch_op:
        batch_op.drop_column("sizing")

    op.drop_table("leg_waits")
    op.drop_table("scheduled_entries")
    op.drop_table("strategy_versions")
    op.drop_table("round_trips")
    op.drop_table("replays")
    op.drop_table("recordings")
    op.drop_table("margin_readings")
    op.drop_table("day_results")
    op.drop_table("account_days")
    op.drop_table("trip_notes")
    op.drop_table("strategy_templates")
    op.drop_table("sizing_settings")
    op.drop_table("ready_checks")
    op.drop_table("day_limits")
    op.drop_table("risk_readings")
    op.drop_table("pnl_samples")
    op.drop_table("day_peaks")
