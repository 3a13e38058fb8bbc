"""Accounts, made from settings."""

from __future__ import annotations

from enum_backend.accounts import AccountService
from enum_backend.accounts.directory import UserDirectory, load_directory
from enum_backend.audit import AuditLog
from enum_backend.messaging.service import MessageService
from enum_backend.settings import Settings
from enum_backend.storage import Database, Sealer
from enum_backend.verification import VerificationService


def build_accounts(
    settings: Settings,
    database: Database,
    sealer: Sealer,
    *,
    verification: VerificationService,
    messages: MessageService,
    audit: AuditLog,
) -> AccountService:
    """Accounts over our own table of users, or the directory that is set.

    Raises:
        SettingsError: accounts.directory cannot be loaded.
    """
    return AccountService(
        settings,
        database,
        sealer,
        verification=verification,
        messages=messages,
        audit=audit,
        directory=user_directory(settings),
    )


def user_directory(settings: Settings) -> UserDirectory | None:
    """The users of another program, None = our own.

    Raises:
        SettingsError: accounts.directory cannot be loaded.
    """
    name = settings.accounts.directory
    return load_directory(name) if name else None
