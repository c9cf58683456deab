"""A small client of Resonant's REST interface. Standard library alone."""

from .client import Client
from .http import ApiError
from .thing import Thing

__all__ = ["ApiError", "Client", "Thing"]
