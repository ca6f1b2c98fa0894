"""How the desk looks for this person."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField
from wtforms.fields.choices import SelectChoice

from app.users.appearance import CHOICES, appearance_of
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import identity, services
from app.web.forms import DeskForm

NAMES = {
    "system": "As the device",
    "dark": "Dark",
    "light": "Light",
    "green-red": "Green is up, red is down",
    "red-green": "Red is up, green is down",
    "blue-orange": "Blue is up, orange is down",
    "comfortable": "Comfortable",
    "compact": "Compact",
    "on": "On",
    "off": "Off",
}


def _choice(label: str, name: str) -> RadioField:
    return RadioField(label, choices=[SelectChoice(value, NAMES[value]) for value in CHOICES[name]])


class AppearanceForm(DeskForm):
    theme = _choice("Theme", "theme")
    palette = _choice("Profit and loss", "palette")
    density = _choice("Rows", "density")
    keys = _choice("One-key shortcuts", "keys")


@needs(Scope.SELF)
def appearance() -> ResponseReturnValue:
    user = identity().user
    form = AppearanceForm(data=appearance_of(user.appearance))
    wish = {name: form[name].data for name in CHOICES}
    if form.carries(lambda: services().users.people.set_appearance(user.id, wish)):
        flash("Saved.")
        return redirect(url_for("settings.appearance"), 303)
    return render_template("settings/appearance.html", form=form), 422 if form.errors else 200


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("", view_func=appearance, methods=["GET", "POST"])
