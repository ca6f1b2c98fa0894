"""What every form of the desk shares: text without odd characters, and a service's objections shown at the
fields.
"""

from collections.abc import Callable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, PasswordField, StringField
from wtforms.form import BaseForm

from app.core.errors import Invalid


def clean_text(value: Any) -> Any:
    """Without the NUL no database takes, and without spaces at the ends."""
    return value.replace("\x00", "").strip() if isinstance(value, str) else value


class DeskForm(FlaskForm):
    class Meta(FlaskForm.Meta):
        def bind_field(self, form: BaseForm, unbound_field: Any, options: dict[str, Any]) -> Field:
            kind = unbound_field.field_class
            if issubclass(kind, StringField) and not issubclass(kind, PasswordField):
                options["filters"] = [clean_text, *unbound_field.kwargs.get("filters", ())]
            return unbound_field.bind(form=form, **options)

    def carries(self, act: Callable[[], Any]) -> bool:
        """Whether the form was sent, is valid, and `act` accepted it; if not, the fields say why."""
        if not self.validate_on_submit():
            return False
        try:
            act()
        except Invalid as refused:
            self.show(refused)
            return False
        return True

    def show(self, refused: Invalid) -> None:
        """Put each sentence at its field; one about no field of this form stands above them all."""
        for name, sentences in refused.fields.items():
            if name in self._fields:
                field = self._fields[name]
                field.errors = [*field.errors, *sentences]
            else:
                self.form_errors.extend(sentences)
