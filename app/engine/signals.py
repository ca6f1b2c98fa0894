"""The signals in the engine: acted on by a loop of their own, so that they neither wait for others nor hold them up."""

from app.broadcast.coalesce import Broadcaster
from app.engine.main import Job, Loop
from app.signals.acting import Acting, SignalDecided
from app.wiring import Services


def act_on_signals(services: Services, broadcaster: Broadcaster) -> dict[str, Loop]:
    acting = Acting(services.db, services.clock, services.strategies, services.bus.publish)
    services.bus.subscribe(SignalDecided, lambda event: broadcaster.changed(event.owner_id, ["signals"]))
    return {"signals": Loop([Job("signals", acting.step, 0)], services.clock)}
