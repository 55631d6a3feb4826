"""Orders as they are made of what an owner says, by command or over HTTP.

A function takes what was said, checks it against what the agent has read, and returns the order to
be placed; nothing is placed yet. BadOrder where it cannot be given, NoneSuch where a trade, request
or dispute is named that is not there.
"""
