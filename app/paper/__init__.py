"""A broker of its own: speaks OpenAlgo over loopback and trades a synthetic Indian market.

It serves the demo, practice accounts and the tests. It imports no room of the desk and no room imports it:
the desk meets it only over HTTP and WebSocket, exactly as it meets a real OpenAlgo server.
"""
