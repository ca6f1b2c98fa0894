"""A person's lists in their order, and the symbols of each in theirs."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment
from app.core.ids import new_id


class Watchlist(Base):
    __tablename__ = "watchlists"
    __table_args__ = (UniqueConstraint("owner_id", "name_key"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    name_key: Mapped[str]  # as compared: case folded
    position: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment)


class WatchedSymbol(Base):
    __tablename__ = "watched_symbols"
    __table_args__ = (UniqueConstraint("watchlist_id", "exchange", "symbol"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    watchlist_id: Mapped[str] = mapped_column(ForeignKey("watchlists.id", ondelete="CASCADE"), index=True)
    exchange: Mapped[str]
    symbol: Mapped[str]
    position: Mapped[int]
