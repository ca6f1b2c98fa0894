"""Option chains in the engine: worked out where prices come in, and fed with what the stream does not give."""

from typing import Any

from app.broadcast.chain_book import ChainBook
from app.broadcast.chains import Chains
from app.engine.chain_reader import ChainReader, ClosingInterest
from app.engine.crew import Crew
from app.engine.market import Market
from app.wiring import Services

CHAIN = "chain"  # the mode of the nudge "watch" that names chains


class OptionChains:
    def __init__(self, services: Services, crew: Crew, market: Market) -> None:
        interest = ClosingInterest()
        self._chains = Chains(
            ChainBook(services.instruments),
            market.hub,
            market.subscriptions,
            services.link,
            services.clock,
            rate=services.settings.interest_rate / 100,
            yesterday=interest.known,
            wake=market.feed.wake,
        )
        self._reader = ChainReader(services, crew, market.hub, self._chains, interest)

    def start(self) -> None:
        self._chains.start()
        self._reader.start()

    def stop(self) -> None:
        self._reader.stop()
        self._chains.stop()

    def watch(self, payload: dict[str, Any]) -> None:
        self._chains.take(payload)

    def send_everything(self) -> None:
        self._chains.send_everything()
