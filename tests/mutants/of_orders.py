"""Breakages of what is true about each order: states, splitting, reconciliation, pace."""

from tests.mutants.breakage import HISTORY, LANES, PURE, ROWS, SENDING, Mutant

STATES, SPLITTER = "app/execution/states.py", "app/execution/splitter.py"
RECONCILE, PACING, LANE = "app/execution/reconcile.py", "app/execution/pacing.py", "app/execution/lanes.py"
FILLS, INTAKE = "app/execution/fills.py", "app/execution/intake.py"
PARKING = "app/execution/parking.py"

MUTANTS = (
    Mutant(
        INTAKE,
        "            self._sightings.pop(order.id, None)  #",
        "            pass  #",
        "an end that was taken back between is believed when it is seen again",
        SENDING,
    ),
    Mutant(
        INTAKE,
        "report.status is OrderStatus.CANCELLED and order.state == OrderState.CANCEL_PENDING",
        "order.cancel_at is not None",
        "a cancel that never left makes a single sight of an end true",
        SENDING,
    ),
    Mutant(
        STATES,
        "S.UNKNOWN: AT_VENUE | _ENDS | {S.LOST}",
        "S.UNKNOWN: AT_VENUE | _ENDS | {S.LOST, S.SENDING}",
        "an order in doubt may be sent again",
        PURE,
    ),
    Mutant(STATES, "S.FILLED: frozenset(),", "S.FILLED: frozenset({S.OPEN}),", "a filled order comes back", PURE),
    Mutant(
        STATES,
        "filled = max(now.filled, report.filled_quantity or ZERO)",
        "filled = now.filled + (report.filled_quantity or ZERO)",
        "cumulative fills are added up",
        PURE,
    ),
    Mutant(
        STATES,
        "filled = max(now.filled, report.filled_quantity or ZERO)",
        "filled = report.filled_quantity or ZERO",
        "an old report takes fills back",
        PURE,
    ),
    Mutant(
        STATES,
        "    if now.state in FINAL and now.state is not S.LOST:\n        return now.state\n",
        "",
        "a final state is left",
        PURE,
    ),
    Mutant(
        STATES,
        "if status is OrderStatus.FILLED:  #",
        "if False:  #",
        "complete is believed without its quantity",
        PURE + SENDING,
    ),
    Mutant(
        STATES,
        "is_late=new_fill > 0 and now.state in FINAL",
        "is_late=False",
        "a late fill is booked in silence",
        PURE + ROWS,
    ),
    Mutant(STATES, "is_overfill=filled > now.quantity", "is_overfill=False", "an overfill is booked in silence", PURE),
    Mutant(STATES, "    if current is S.CANCEL_PENDING:", "    if False:", "an old report undoes a cancel", PURE),
    Mutant(
        STATES,
        "return (average * filled - now.average * now.filled) / new_part",
        "return average",
        "a part is booked at the average of the whole",
        PURE,
    ),
    Mutant(
        STATES,
        "asked_at is None or now - asked_at >= CANCEL_AGAIN",
        "asked_at is None",
        "a cancel without effect is never asked again",
        ROWS,
    ),
    Mutant(SPLITTER, "largest = freeze // lot * lot", "largest = freeze", "a slice is no lot multiple", PURE),
    Mutant(SPLITTER, "+ ([rest] if rest else [])", "", "the last slice is forgotten", PURE),
    Mutant(
        SPLITTER,
        "if freeze is None or quantity <= freeze:",
        "if freeze is None or quantity <= freeze + lot:",
        "a slice is above the freeze quantity",
        PURE,
    ),
    Mutant(RECONCILE, "candidate.seq > order.seen_mark and", "", "an order that was there before is adopted", PURE),
    Mutant(
        RECONCILE,
        "if not possible or len(unknown) < len(group):",
        "if not possible:",
        "a verdict while an equal order is being sent",
        PURE,
    ),
    Mutant(
        RECONCILE, "if len(possible) > len(unknown) or len(", "if len(", "one of too many candidates is guessed", PURE
    ),
    Mutant(
        RECONCILE, "or len({order.intent_id for order in unknown}) > 1", "", "orders of two wishes are mixed up", PURE
    ),
    Mutant(
        RECONCILE,
        "return all(_knew_the_book(order) for order in unknown)",
        "return True",
        "a stranger's order is adopted after a send without knowledge of the book",
        PURE,
    ),
    Mutant(
        RECONCILE,
        "index < len(found) and _could_be(order, found[index])",
        "found and _could_be(order, found[0])",
        "one venue order is adopted twice",
        PURE,
    ),
    Mutant(
        RECONCILE,
        "order.lookups >= lookups and now - order.sent_at > window",
        "now - order.sent_at > window",
        "lost by time alone",
        PURE,
    ),
    Mutant(
        RECONCILE,
        "order.lookups >= lookups and now - order.sent_at > window",
        "order.lookups >= lookups",
        "lost too early",
        PURE,
    ),
    Mutant(
        RECONCILE,
        "str(side), quantity, str(price_type)",
        "str(side), ZERO, str(price_type)".replace("ZERO", "0"),
        "another quantity is taken for ours",
        PURE + SENDING,
    ),
    Mutant(
        RECONCILE, "isinstance(verdict, Wait) and order.lookups", "order.lookups", "lost although it was found", PURE
    ),
    Mutant(
        INTAKE,
        "books.trades is not None and set(taken) <= {report.venue_order_id for",
        "True or {report.venue_order_id for",
        "an empty or lagging book counts as proof",
        ROWS,
    ),
    Mutant(
        INTAKE, "and order.sent_at < books.started_at:", ":", "a book from before the send counts as a look", SENDING
    ),
    Mutant(
        INTAKE,
        "candidates, books.started_at, patience",
        "candidates, now, patience",
        "a book that was long on its way speaks of the present",
        ROWS,
    ),
    Mutant(
        INTAKE,
        "if report.venue_order_id not in owned and report.venue_order_id in seqs",
        "if report.venue_order_id in seqs",
        "an order that became ours meanwhile is adopted again",
        SENDING,
    ),
    Mutant(
        PARKING,
        "            if not self._expected[account_id] or report.venue_order_id in self._known[account_id]:",
        "            if True:",
        "an update that overtakes its answer is taken for somebody else's order",
        ROWS,
    ),
    Mutant(
        PARKING,
        " or report.venue_order_id in self._known[account_id]:",
        ":",
        "news of an order that is ours waits for another's answer",
        ROWS,
    ),
    Mutant(
        PARKING,
        "[self._taken.pop(key, 0) :]",
        "[len(self._parked) + 99 :]",
        "an update that came while its answer was written is dropped",
        ROWS,
    ),
    Mutant(
        INTAKE,
        "return self._sighting(order.id, report.status) >= 2 or is_asked_for",
        "return True",
        "one poor row ends an order",
        ROWS,
    ),
    Mutant(
        INTAKE,
        "bool(report.filled_quantity) and report.status is not OrderStatus.REJECTED",
        "bool(report.filled_quantity)",
        "a part fill vouches for a rejection",
        ROWS,
    ),
    Mutant(
        INTAKE,
        "if exact.quantity > filled and state in FINAL and row is not None:",
        "if False:",
        "a trade that is shown after the end is never booked",
        ROWS,
    ),
    Mutant(
        INTAKE,
        'without_haste(report), "reconcile"',
        'report, "reconcile"',
        "one poor row ends an order as it is found",
        ROWS,
    ),
    Mutant(
        INTAKE,
        "elif exact.quantity == filled and exact.average != average:",
        "elif False:",
        "the exact average is never learned",
        ROWS + HISTORY,
    ),
    Mutant(
        INTAKE,
        "return found if is_whole else [",
        "return found if rows else [",
        "a book that is not whole ends a doubt that earlier books had not",
        ROWS,
    ),
    Mutant(
        INTAKE,
        "session.get_one(Order, order_id).lookups = 0",
        "session.get_one(Order, order_id).lookups += 0",
        "a book that shows candidates counts as a look in vain",
        ROWS,
    ),
    Mutant(
        FILLS,
        "quantity[trade.venue_order_id] += trade.quantity",
        "quantity[trade.venue_order_id] = trade.quantity",
        "only the last of an order's trades counts",
        ROWS,
    ),
    Mutant(
        PACING, "self._sent[-most] + SECOND + SQUEEZE - now", "self._sent[-1] + 0.0 - now", "the rate is ignored", LANES
    ),
    Mutant(PACING, "SECOND = 1.0", "SECOND = 0.8", "a second is too short", LANES),
    Mutant(
        PACING,
        "for at in self._sent if now - at < SECOND + SQUEEZE)",
        "for at in self._sent if now - at < 0.5)",
        "more is claimed than may go",
        (*LANES, *PURE),
    ),
    Mutant(
        LANE,
        "self._queues[work.urgency].append(work)",
        "self._queues[Urgency.ENTRY].append(work)",
        "exits wait behind entries",
        LANES,
    ),
    Mutant(
        LANE,
        "{urgency: deque() for urgency in Urgency}",
        "{urgency: deque() for urgency in (Urgency.EXIT, Urgency.CANCEL, Urgency.ENTRY)}",
        "exits overtake cancels",
        LANES,
    ),
    Mutant(LANE, "if queue and pause == 0.0:", "if queue:", "a lane ignores its pace", LANES),
    Mutant(
        PACING, "max(1, self.per_second - kept)", "self.per_second", "entries fill the window that exits need", LANES
    ),
    Mutant(
        LANE,
        "self._max_in_flight + (not work.is_entry)",
        "self._max_in_flight",
        "slow entries keep an exit from leaving",
        LANES,
    ),
    Mutant(
        LANE,
        "self._under_way < self._max_in_flight + (not work.is_entry)",
        "self._under_way < self._max_in_flight + 1",
        "entries take the way that is kept for exits",
        LANES,
    ),
    Mutant(LANE, "False: Pace(per_second),", "False: Pace(1),", "cancels wait for a pace", LANES),
)
