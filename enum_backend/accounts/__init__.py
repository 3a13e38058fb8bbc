"""Accounts: users, sessions, second factors, password reset, and what protects them."""

from enum_backend.accounts.by_hand import Admin
from enum_backend.accounts.model import (
    Factor,
    Issued,
    LoggedIn,
    Origin,
    Session,
    StepUp,
    User,
)
from enum_backend.accounts.service import AccountService

__all__ = [
    "AccountService",
    "Admin",
    "Factor",
    "Issued",
    "LoggedIn",
    "Origin",
    "Session",
    "StepUp",
    "User",
]
