"""Finds the one-time code in a text message, in any of the languages of `packs`.

Source of the domain-bound form: WICG sms-one-time-codes. Everything else is how messages are
worded: docs/reference/otp.md.
"""

from __future__ import annotations

from enum_backend.agents.otp.extract import extract_otp_from_sms, prepare
from enum_backend.agents.otp.result import Extraction, Kind

__all__ = ["Extraction", "Kind", "extract_otp_from_sms", "prepare"]
