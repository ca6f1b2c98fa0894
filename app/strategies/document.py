"""A strategy as a file that another desk can read: JSON, with its format's version, and no secret of an account.

Accounts are named, not numbered; who reads the file matches them by name with accounts of their own, and says which
names nothing was found for.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from app.core.errors import Invalid
from app.core.validation import no_boolean, parse
from app.strategies.legs import AccountShare, Draft

FORMAT = "mirrordesk-strategy"
FORMAT_VERSION = 1
LARGEST = 200_000  # characters


class NamedShare(AccountShare):
    """An account that takes part, by its name."""

    account_id: Literal[""] = Field("", exclude=True)  # an id means nothing elsewhere
    account: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class StrategyDocument(Draft):
    """A strategy as it is taken to another desk."""

    format: Literal["mirrordesk-strategy"]
    format_version: Annotated[Literal[1], BeforeValidator(no_boolean)]
    accounts: Annotated[list[NamedShare], Field(max_length=500)] = Field(default_factory=list)  # type: ignore[assignment]  # by name

    @model_validator(mode="after")
    def _accounts_once(self) -> Self:
        names = [share.account.casefold() for share in self.accounts]
        if len(names) != len(set(names)):
            raise ValueError("an account can take part only once")
        return self

    def draft(self, ids: Mapping[str, str]) -> tuple[Draft, list[str]]:
        """With the accounts that are known by name (folded) here, and the names that are not."""
        unknown = [share.account for share in self.accounts if share.account.casefold() not in ids]
        shares = [
            share.model_dump(mode="json", exclude={"account"}) | {"account_id": ids[share.account.casefold()]}
            for share in self.accounts
            if share.account.casefold() in ids
        ]
        content = self.model_dump(mode="json", exclude={"format", "format_version", "accounts"})
        return Draft.model_validate(content | {"accounts": shares}), unknown


def written(draft: Draft, names: Mapping[str, str]) -> dict[str, Any]:
    """JSON-ready. `names` of accounts by their ids."""
    content = draft.model_dump(mode="json", exclude={"accounts"}, exclude_none=True)
    accounts = [
        share.model_dump(mode="json", exclude={"account_id"}) | {"account": names[share.account_id]}
        for share in draft.accounts
        if share.account_id in names
    ]
    return {"format": FORMAT, "format_version": FORMAT_VERSION, **content, "accounts": accounts}


def read(text: str) -> StrategyDocument:
    """Raises Invalid with a sentence per wrong field, or where it stops being JSON."""
    if len(text) > LARGEST:
        raise Invalid.field("document", f"A strategy is at most {LARGEST:,} characters long.")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Invalid.field("document", f"This is no JSON{where}.") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise Invalid.field("document", f'This is no strategy of this desk: it has no "format": "{FORMAT}".')
    if "\x00" in text or "\\u0000" in text:
        raise Invalid.field("document", "Text must not have the character U+0000.")
    return parse(StrategyDocument, value)
