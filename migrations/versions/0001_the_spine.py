"""The spine"""

import sqlalchemy as sa
from alembic import op

from app.audit.models import APPEND_ONLY
from app.core.db import Exact, Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=True),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("ip", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject_type", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_action"), "audit_entries", ["action"], unique=False)
    op.create_index("ix_audit_entries_actor", "audit_entries", ["actor_id", "seq"], unique=False)
    op.create_index(op.f("ix_audit_entries_at"), "audit_entries", ["at"], unique=False)
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject_type", "subject_id"], unique=False)
    op.create_table(
        "carry_marks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carry_marks")),
    )
    op.create_table(
        "engine_leases",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engine_leases")),
    )
    op.create_table(
        "instrument_holidays",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("opens", sa.Time(), nullable=True),
        sa.Column("closes", sa.Time(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instrument_holidays")),
        sa.UniqueConstraint("exchange", "date", name=op.f("uq_instrument_holidays_exchange_date")),
    )
    op.create_table(
        "instrument_masters",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("venue_kind", sa.String(length=32), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("synced_at", Moment(), nullable=False),
        sa.Column("contracts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instrument_masters")),
        sa.UniqueConstraint("venue_kind", "exchange", name=op.f("uq_instrument_masters_venue_kind_exchange")),
    )
    op.create_table(
        "instruments",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("venue_kind", sa.String(length=32), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column(
            "symbol",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "name", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("expiry", sa.Date(), nullable=True),
        sa.Column("strike", Exact(), nullable=True),
        sa.Column("lot_size", Exact(), nullable=False),
        sa.Column("tick", Exact(), nullable=False),
        sa.Column("freeze_quantity", Exact(), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("synced_at", Moment(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instruments")),
        sa.UniqueConstraint("venue_kind", "exchange", "symbol", name=op.f("uq_instruments_venue_kind_exchange_symbol")),
    )
    op.create_index("ix_instruments_family", "instruments", ["name", "exchange", "kind", "expiry"], unique=False)
    op.create_index("ix_instruments_symbol", "instruments", ["symbol"], unique=False)
    op.create_table(
        "pulses",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pulses")),
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name_hash", sa.String(), nullable=False),
        sa.Column("ip", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempts")),
    )
    op.create_index(op.f("ix_sign_in_attempts_at"), "sign_in_attempts", ["at"], unique=False)
    op.create_index("ix_sign_in_attempts_ip", "sign_in_attempts", ["ip", "at"], unique=False)
    op.create_index("ix_sign_in_attempts_name", "sign_in_attempts", ["name_hash", "at"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("founder", sa.Boolean(), nullable=True),
        sa.Column("sees_id", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("appearance", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("password_changed_at", Moment(), nullable=False),
        sa.Column("last_sign_in_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["sees_id"], ["users.id"], name=op.f("fk_users_sees_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("founder", name=op.f("uq_users_founder")),
        sa.UniqueConstraint("name_key", name=op.f("uq_users_name_key")),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("name_key", sa.String(length=120), nullable=False),
        sa.Column("venue_kind", sa.String(length=32), nullable=False),
        sa.Column("host_url", sa.String(length=255), nullable=False),
        sa.Column("stream_url", sa.String(length=255), nullable=False),
        sa.Column("api_key_sealed", sa.Text(), nullable=False),
        sa.Column("api_secret_sealed", sa.Text(), nullable=True),
        sa.Column("extra_sealed", sa.Text(), nullable=True),
        sa.Column("bind_address", sa.String(length=45), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("trading_state", sa.String(length=16), nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("failover_rank", sa.Integer(), nullable=False),
        sa.Column("default_product", sa.String(length=16), nullable=False),
        sa.Column("max_in_flight", sa.Integer(), nullable=False),
        sa.Column("orders_per_second", sa.Integer(), nullable=False),
        sa.Column("expected_mode", sa.String(length=8), nullable=False),
        sa.Column("broker", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("removed_at", Moment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_accounts_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_index(op.f("ix_accounts_owner_id"), "accounts", ["owner_id"], unique=False)
    op.create_index(
        "uq_accounts_name",
        "accounts",
        ["owner_id", "name_key"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "uq_accounts_one_primary",
        "accounts",
        ["owner_id"],
        unique=True,
        sqlite_where=sa.text("is_primary"),
        postgresql_where=sa.text("is_primary"),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("allowed_ips", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("last_used_at", Moment(), nullable=True),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_api_tokens_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    op.create_index(op.f("ix_api_tokens_user_id"), "api_tokens", ["user_id"], unique=False)
    op.create_table(
        "errands",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("question", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("taken_at", Moment(), nullable=True),
        sa.Column("done_at", Moment(), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_errands_owner_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_errands")),
    )
    op.create_index("ix_errands_open", "errands", ["done_at", "created_at"], unique=False)
    op.create_index(op.f("ix_errands_owner_id"), "errands", ["owner_id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("claimed_at", Moment(), nullable=False),
        sa.Column("done_at", Moment(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("answer_sealed", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_idempotency_keys_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_keys")),
        sa.UniqueConstraint("user_id", "key", name=op.f("uq_idempotency_keys_user_id_key")),
    )
    op.create_index("ix_idempotency_keys_claimed_at", "idempotency_keys", ["claimed_at"], unique=False)
    op.create_table(
        "instrument_facts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("exchange", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["set_by"], ["users.id"], name=op.f("fk_instrument_facts_set_by_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instrument_facts")),
        sa.UniqueConstraint(
            "kind",
            "exchange",
            "subject",
            "effective_from",
            name=op.f("uq_instrument_facts_kind_exchange_subject_effective_from"),
        ),
    )
    op.create_table(
        "invites",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.Column("used_by", sa.String(), nullable=True),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_invites_created_by_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["used_by"], ["users.id"], name=op.f("fk_invites_used_by_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invites")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invites_token_hash")),
    )
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("last_seen_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.Column("ip", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_login_sessions_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_login_sessions_token_hash")),
    )
    op.create_index(op.f("ix_login_sessions_expires_at"), "login_sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_login_sessions_user_id"), "login_sessions", ["user_id"], unique=False)
    op.create_table(
        "sign_in_links",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sign_in_links_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_links_token_hash")),
    )
    op.create_table(
        "strategies",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("legs", sa.JSON(), nullable=False),
        sa.Column("on_failure", sa.String(), nullable=False),
        sa.Column("venue_kind", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("archived_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_strategies_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategies")),
    )
    op.create_index(
        "uq_strategies_owner_id_name",
        "strategies",
        ["owner_id", "name"],
        unique=True,
        sqlite_where=sa.text("archived_at IS NULL"),
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_table(
        "account_health",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("broker", sa.String(length=64), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("last_error_at", Moment(), nullable=True),
        sa.Column("checked_at", Moment(), nullable=True),
        sa.Column("last_ok_at", Moment(), nullable=True),
        sa.Column("funds", sa.JSON(), nullable=True),
        sa.Column("funds_at", Moment(), nullable=True),
        sa.Column("order_stream", sa.String(length=16), nullable=False),
        sa.Column("market_stream", sa.String(length=16), nullable=False),
        sa.Column("book_read_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_health_account_id_accounts")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_health")),
    )
    op.create_table(
        "carried_positions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("cost", Exact(), nullable=False),
        sa.Column("realised", Exact(), nullable=False),
        sa.Column("fees", Exact(), nullable=False),
        sa.Column("is_priced", sa.Boolean(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_carried_positions_account_id_accounts")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_carried_positions_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carried_positions")),
        sa.UniqueConstraint(
            "account_id",
            "exchange",
            "symbol",
            "product",
            name=op.f("uq_carried_positions_account_id_exchange_symbol_product"),
        ),
    )
    op.create_index(op.f("ix_carried_positions_owner_id"), "carried_positions", ["owner_id"], unique=False)
    op.create_table(
        "intents",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("account_run_id", sa.String(), nullable=True),
        sa.Column("leg_run_id", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("price_type", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("price", Exact(), nullable=True),
        sa.Column("trigger_price", Exact(), nullable=True),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_intents_account_id_accounts")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_intents_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intents")),
        sa.UniqueConstraint("owner_id", "key", name=op.f("uq_intents_owner_id_key")),
    )
    op.create_index(op.f("ix_intents_account_id"), "intents", ["account_id"], unique=False)
    op.create_index(op.f("ix_intents_account_run_id"), "intents", ["account_run_id"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("strategy_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("legs", sa.JSON(), nullable=False),
        sa.Column("on_failure", sa.String(), nullable=False),
        sa.Column("venue_kind", sa.String(), nullable=False),
        sa.Column("accounts", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=True),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("requested_at", Moment(), nullable=False),
        sa.Column("started_at", Moment(), nullable=True),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.Column("exit_reason", sa.String(), nullable=True),
        sa.Column("exit_by", sa.String(), nullable=True),
        sa.Column("exit_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_runs_owner_id_users")),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name=op.f("fk_runs_strategy_id_strategies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("owner_id", "key", name=op.f("uq_runs_owner_id_key")),
    )
    op.create_index("ix_runs_owner_id_requested_at", "runs", ["owner_id", "requested_at"], unique=False)
    op.create_index("ix_runs_state", "runs", ["state"], unique=False)
    op.create_index(op.f("ix_runs_strategy_id"), "runs", ["strategy_id"], unique=False)
    op.create_table(
        "strategy_accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("strategy_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("multiplier", Exact(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_strategy_accounts_account_id_accounts")),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name=op.f("fk_strategy_accounts_strategy_id_strategies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_accounts")),
        sa.UniqueConstraint("strategy_id", "account_id", name=op.f("uq_strategy_accounts_strategy_id_account_id")),
    )
    op.create_table(
        "venue_holdings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("average_price", Exact(), nullable=True),
        sa.Column("last_price", Exact(), nullable=True),
        sa.Column("pnl", Exact(), nullable=True),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_venue_holdings_account_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_venue_holdings")),
    )
    op.create_index(op.f("ix_venue_holdings_account_id"), "venue_holdings", ["account_id"], unique=False)
    op.create_table(
        "venue_orders",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("venue_order_id", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("price_type", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("price", Exact(), nullable=True),
        sa.Column("trigger_price", Exact(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("filled_quantity", Exact(), nullable=True),
        sa.Column("average_price", Exact(), nullable=True),
        sa.Column("at", Moment(), nullable=True),
        sa.Column("first_seen_at", Moment(), nullable=False),
        sa.Column("last_seen_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_venue_orders_account_id_accounts")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_venue_orders")),
        sa.UniqueConstraint("account_id", "venue_order_id", name=op.f("uq_venue_orders_account_id_venue_order_id")),
    )
    op.create_table(
        "venue_positions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("average_price", Exact(), nullable=True),
        sa.Column("last_price", Exact(), nullable=True),
        sa.Column("pnl", Exact(), nullable=True),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_venue_positions_account_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_venue_positions")),
    )
    op.create_index(op.f("ix_venue_positions_account_id"), "venue_positions", ["account_id"], unique=False)
    op.create_table(
        "venue_readings",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("positions_at", Moment(), nullable=True),
        sa.Column("holdings_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_venue_readings_account_id_accounts")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_venue_readings")),
    )
    op.create_table(
        "account_runs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("multiplier", Exact(), nullable=False),
        sa.Column("on_failure", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("exit_reason", sa.String(), nullable=True),
        sa.Column("exit_by", sa.String(), nullable=True),
        sa.Column("exit_at", Moment(), nullable=True),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_runs_account_id_accounts")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_account_runs_owner_id_users")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_account_runs_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_runs")),
        sa.UniqueConstraint("run_id", "account_id", name=op.f("uq_account_runs_run_id_account_id")),
    )
    op.create_index("ix_account_runs_account_id_state", "account_runs", ["account_id", "state"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("intent_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("account_run_id", sa.String(), nullable=True),
        sa.Column("leg_run_id", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("slice", sa.Integer(), nullable=False),
        sa.Column("slices", sa.Integer(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("price_type", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("price", Exact(), nullable=True),
        sa.Column("trigger_price", Exact(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("failure", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("venue_order_id", sa.String(), nullable=True),
        sa.Column("filled_quantity", Exact(), nullable=False),
        sa.Column("average_price", Exact(), nullable=True),
        sa.Column("claimed_by", sa.String(), nullable=True),
        sa.Column("seen_mark", sa.Integer(), nullable=False),
        sa.Column("book_read_at", Moment(), nullable=True),
        sa.Column("lookups", sa.Integer(), nullable=False),
        sa.Column("candidates", sa.JSON(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("claimed_at", Moment(), nullable=True),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.Column("answered_at", Moment(), nullable=True),
        sa.Column("unknown_at", Moment(), nullable=True),
        sa.Column("cancel_asked_at", Moment(), nullable=True),
        sa.Column("cancel_at", Moment(), nullable=True),
        sa.Column("filled_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_orders_account_id_accounts")),
        sa.ForeignKeyConstraint(["intent_id"], ["intents.id"], name=op.f("fk_orders_intent_id_intents")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_orders_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("account_id", "venue_order_id", name=op.f("uq_orders_account_id_venue_order_id")),
    )
    op.create_index("ix_orders_account_id_state", "orders", ["account_id", "state"], unique=False)
    op.create_index(op.f("ix_orders_account_run_id"), "orders", ["account_run_id"], unique=False)
    op.create_index(op.f("ix_orders_intent_id"), "orders", ["intent_id"], unique=False)
    op.create_index(op.f("ix_orders_leg_run_id"), "orders", ["leg_run_id"], unique=False)
    op.create_index("ix_orders_owner_id_created_at", "orders", ["owner_id", "created_at"], unique=False)
    op.create_index("ix_orders_owner_id_filled_at", "orders", ["owner_id", "filled_at"], unique=False)
    op.create_index("ix_orders_state", "orders", ["state"], unique=False)
    op.create_table(
        "fills",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("price", Exact(), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_fills_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fills")),
        sa.UniqueConstraint("order_id", "key", name=op.f("uq_fills_order_id_key")),
    )
    op.create_table(
        "leg_runs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_run_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("lots", sa.Integer(), nullable=False),
        sa.Column("lot_size", Exact(), nullable=False),
        sa.Column("freeze_quantity", Exact(), nullable=True),
        sa.Column("tick", Exact(), nullable=False),
        sa.Column("quantity", Exact(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("price_type", sa.String(), nullable=False),
        sa.Column("price", Exact(), nullable=True),
        sa.Column("exit_reason", sa.String(), nullable=True),
        sa.Column("exit_by", sa.String(), nullable=True),
        sa.Column("exit_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_run_id"], ["account_runs.id"], name=op.f("fk_leg_runs_account_run_id_account_runs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leg_runs")),
    )
    op.create_index(op.f("ix_leg_runs_account_run_id"), "leg_runs", ["account_run_id"], unique=False)
    op.create_table(
        "order_events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("filled_quantity", Exact(), nullable=False),
        sa.Column("average_price", Exact(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_events_order_id_orders")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_order_events")),
    )
    op.create_index(op.f("ix_order_events_order_id"), "order_events", ["order_id"], unique=False)

    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("order_events")
    op.drop_table("leg_runs")
    op.drop_table("fills")
    op.drop_table("orders")
    op.drop_table("account_runs")
    op.drop_table("venue_readings")
    op.drop_table("venue_positions")
    op.drop_table("venue_orders")
    op.drop_table("venue_holdings")
    op.drop_table("strategy_accounts")
    op.drop_table("runs")
    op.drop_table("intents")
    op.drop_table("carried_positions")
    op.drop_table("account_health")
    op.drop_table("strategies")
    op.drop_table("sign_in_links")
    op.drop_table("login_sessions")
    op.drop_table("invites")
    op.drop_table("instrument_facts")
    op.drop_table("idempotency_keys")
    op.drop_table("errands")
    op.drop_table("api_tokens")
    op.drop_table("accounts")
    op.drop_table("users")
    op.drop_table("sign_in_attempts")
    op.drop_table("pulses")
    op.drop_table("instruments")
    op.drop_table("instrument_masters")
    op.drop_table("instrument_holidays")
    op.drop_table("engine_leases")
    op.drop_table("carry_marks")
    op.drop_table("audit_entries")
