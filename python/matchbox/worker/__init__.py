"""Environments of Python for matchbox: what their spaces are, and instances of them, stepped through a block of memory.

The library starts this folder as a program for `gym:ID` (__main__.py); the package `matchbox` uses the same classes within
the user's process.
"""

from .block import Block
from .images import shrink
from .spaces import Field
from .spec import Spec
from .trouble import Trouble, told

__all__ = ["Block", "Field", "Spec", "Trouble", "shrink", "told"]
