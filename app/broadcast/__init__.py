"""What browsers are shown live: figures four times a second, changes as they happen, a beat that proves life."""
