"""What to tell the user when something is wrong."""

import os
import traceback


class Trouble(Exception):
    """Something to tell the user: the first line is what, the others are notes."""

    def __init__(self, what, *notes, help=None):
        super().__init__(what)
        self.notes = [str(n) for n in notes]
        self.help = help

    def lines(self):
        return [str(self)] + self.notes


def told(error, doing):
    """An exception as lines: what was being done, the exception, and the last places of its traceback."""
    if isinstance(error, Trouble):
        return [f"{doing}: {error}"] + error.notes
    places = traceback.extract_tb(error.__traceback__)
    own = os.path.dirname(os.path.abspath(__file__))  # the places in this folder and the package around it say nothing
    places = [p for p in places if not p.filename.startswith(os.path.dirname(own))] or places
    text = str(error).strip().split("\n")
    lines = [f"{doing} raised {type(error).__name__}: {text[0]}"]
    return lines + [f"{p.filename}:{p.lineno}, in {p.name}: {p.line}" for p in places[-3:]][::-1]
