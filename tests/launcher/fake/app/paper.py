"""The stand-in's broker."""

from app.cli import run

if __name__ == "__main__":
    run("paper")
