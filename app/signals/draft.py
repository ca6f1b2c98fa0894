"""A webhook as a person writes it. Values in, values out; complaints come back by field."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from app.core import networks

MOST_A_DAY = 1000
MOST_NETWORKS = 50


class Draft(BaseModel):
    """`silent_action` is what a message means that names no action: "enter", "exit", or nothing, which refuses it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    strategy_id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,40}$")]
    silent_action: Annotated[str, StringConstraints(pattern=r"^(enter|exit)?$")] = ""
    one_at_a_time: bool = True
    most_entries: Annotated[int, Field(ge=0, le=MOST_A_DAY)] = 20
    allowed_ips: Annotated[list[str], Field(max_length=MOST_NETWORKS)] = []

    @field_validator("allowed_ips")
    @classmethod
    def _are_networks(cls, texts: list[str]) -> list[str]:
        for text in networks.unreadable(texts):
            raise ValueError(f"{text[:60]} is neither an address nor a network")
        return networks.plain(texts)
