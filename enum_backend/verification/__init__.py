"""Phone verification: codes that are derived, limited, sent once and used once."""

from enum_backend.verification.model import Checked, Preview, Purpose, Started, StartRequest
from enum_backend.verification.service import VerificationService
from enum_backend.verification.sms_verifier import SmsVerifier, get_sms_verifier

__all__ = [
    "Checked",
    "Preview",
    "Purpose",
    "SmsVerifier",
    "StartRequest",
    "Started",
    "VerificationService",
    "get_sms_verifier",
]
