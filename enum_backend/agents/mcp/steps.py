"""What to do after a refusal; texts of ours only, nothing of the caller's."""

from __future__ import annotations

from typing import Final

from enum_backend.agents.mcp.api import ApiRefused

TRY_LATER: Final = "Try again in a minute; if it stays so, tell the operator."

_BY_CODE: Final = {
    "POOL_EXHAUSTED": "Every number is in use. Try get_phone_number again at the time in the "
    "error, or release_phone_number one of yours that you no longer need (list_numbers).",
    "WAIT_TIMEOUT": "No such message came. Ask the service to send it once more, then call "
    "wait_for_sms again, with a longer timeout or without sender and contains; get_messages "
    "shows what came instead.",
    "NO_LEASE": "Call get_phone_number with your passport_id: it gives your number again if it "
    "is still yours.",
    "NOT_FOUND": "Call list_numbers to see what is yours, or get_phone_number for a number.",
    "UNAUTHORIZED": "The API key is missing, revoked or wrong: tell the operator; do not try "
    "again.",
    "FORBIDDEN": "The API key may not do this, or the owner does not agree to it: tell the "
    "operator; do not try another way.",
    "OPTED_OUT": "This person wants no messages. Do not try again, nor from another sender.",
    "RATE_LIMIT_EXCEEDED": "Wait as long as the error says before the next call of this kind.",
    "COST_LIMIT_EXCEEDED": "The day's spend is used up: tell the operator; do not try again today.",
    "VALIDATION_FAILED": "Correct the field that the error names and call again.",
    "INVALID_PHONE_FORMAT": "Write the number in E.164, such as +14155550134, and call again.",
    "IDEMPOTENCY_CONFLICT": "This client_reference was used for another message: take a new one.",
    "SMS_DISABLED": "Sending is switched off: tell the operator.",
    "NO_SERVER": "The enum-backend server cannot be reached: tell the operator to start it, or "
    "try again in a minute.",
}


def after_refusal(refused: ApiRefused) -> str:
    """What to try."""
    return _BY_CODE.get(refused.code, TRY_LATER)
