"""What a person does with orders by hand: write one, change one, close what one opened, cancel many."""

from dataclasses import dataclass

from app.audit.trail import Trail
from app.core.clock import Clock
from app.core.db import Database
from app.core.link import Link
from app.execution.cancelling import CancelService
from app.execution.change_service import ChangeService
from app.execution.closing import ClosingService, Gone
from app.execution.desk import Gate
from app.execution.tickets import TicketService
from app.instruments.service import InstrumentService


@dataclass(frozen=True, slots=True)
class ByHand:
    tickets: TicketService
    changes: ChangeService
    closing: ClosingService
    cancels: CancelService


def build(
    db: Database, clock: Clock, link: Link, trail: Trail, instruments: InstrumentService, gate: Gate, gone: Gone
) -> ByHand:
    return ByHand(
        tickets=TicketService(db, clock, link, trail, instruments, gate),
        changes=ChangeService(db, clock, link, trail, instruments, gate),
        closing=ClosingService(db, clock, link, trail, instruments, gate, gone),
        cancels=CancelService(db, clock, link, trail),
    )
