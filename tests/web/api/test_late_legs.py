"""Legs that wait and come again, as programs write and read them."""

LEG = {
    "action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 1, "stop": {"value": "20"},
    "wait": {"value": "2", "unit": "percent"}, "again": {"times": 2, "how": "at_cost"},
}  # fmt: skip


def test_a_program_writes_when_a_leg_is_entered_and_reads_it_in_words(bot):
    made = bot.post("/api/v1/strategies", {"name": "Late", "legs": [LEG]}, 201)
    (leg,) = bot.get(f"/api/v1/strategies/{made['id']}")["legs"]
    assert leg["wait"] == {"value": "2", "unit": "percent", "way": "up"}
    assert leg["again"] == {"after": "stop", "how": "at_cost", "times": 2, "strike": "same"}
    assert leg["late_words"] == [
        "waits until its price moved 2 % up",
        "entered again at its first entry price after its stop, 2 times at most",
    ]
    both = LEG | {"breakout": {"start": "09:15", "end": "09:30"}}
    refused = bot.post("/api/v1/strategies", {"name": "Both", "legs": [both]}, 422)
    assert "for a move or for a range" in str(refused["error"]["fields"])


def test_a_program_reads_what_a_leg_of_a_run_waits_for_and_the_price_now(bot, world):
    with world.desk.db.read():
        run = world.desk.services.strategies.get_run(world.desk.owner_id, world.run)
    world.desk.waiting_leg(run)
    legs = [leg for part in bot.get(f"/api/v1/runs/{world.run}")["parts"] for leg in part["legs"]]
    (late,) = [leg["late"] for leg in legs if leg["late"]]
    assert (late["state"], late["level"], late["reference"], late["price"]) == ("waiting", "182.5", "178.95", "176.1")
    assert late["words"].startswith("Waits for NFO:")
