"""MeshCentral's two SMS texts in each of its languages, written so that each tells its kind.

MeshCentral reads `sms-messages.txt` (and `translations/sms-messages_LL.txt`) below
`meshcentral-web/emails`, which lies beside meshcentral-data: line 1 is the phone check,
line 2 the login; `[[0]]` is the domain's title, `[[1]]` the code of six digits. Without a
`translations` folder the one file serves all languages. Languages are cut at the dash.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from enum_backend.errors import wrong_field

MAIN: Final = "en"

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "en": ("[[1]] confirms your phone number for [[0]].", "[[1]] is your login code for [[0]]."),
    "ar": ("[[1]] هو رمز تأكيد رقم هاتفك في [[0]].", "[[1]] هو رمز تسجيل الدخول إلى [[0]]."),
    "bs": (
        "[[1]] potvrđuje vaš broj telefona za [[0]].",
        "[[1]] je vaš kod za prijavu na [[0]].",
    ),
    "ca": (
        "[[1]] confirma el vostre telèfon a [[0]].",
        "[[1]] és el vostre codi per entrar a [[0]].",
    ),
    "cs": (
        "[[1]] potvrzuje vaše telefonní číslo pro [[0]].",
        "[[1]] je váš přihlašovací kód pro [[0]].",
    ),
    "da": (
        "[[1]] bekræfter dit telefonnummer hos [[0]].",
        "[[1]] er din login-kode til [[0]].",
    ),
    "de": (
        "[[1]] bestätigt Ihre Telefonnummer für [[0]].",
        "[[1]] ist Ihr Anmeldecode für [[0]].",
    ),
    "el": (
        "[[1]] επιβεβαιώνει το τηλέφωνό σας για το [[0]].",
        "[[1]] είναι ο κωδικός σύνδεσής σας στο [[0]].",
    ),
    "es": (
        "[[1]] confirma su número de teléfono en [[0]].",
        "[[1]] es su código para entrar en [[0]].",
    ),
    "fi": (
        "[[1]] vahvistaa puhelinnumerosi palvelussa [[0]].",
        "[[1]] on kirjautumiskoodisi palveluun [[0]].",
    ),
    "fr": (
        "[[1]] confirme votre numéro de téléphone pour [[0]].",
        "[[1]] est votre code de connexion à [[0]].",
    ),
    "he": (
        "[[1]] מאשר את מספר הטלפון שלך ב-[[0]].",
        "[[1]] הוא קוד הכניסה שלך ל-[[0]].",
    ),
    "hi": (
        "[[1]] [[0]] के लिए आपके फ़ोन नंबर की पुष्टि करता है।",
        "[[1]] [[0]] के लिए आपका लॉगिन कोड है।",
    ),
    "hr": (
        "[[1]] potvrđuje Vaš telefonski broj za [[0]].",
        "[[1]] je Vaš kod za prijavu u [[0]].",
    ),
    "hu": (
        "[[1]] igazolja a telefonszámát itt: [[0]].",
        "[[1]] a belépési kódja ide: [[0]].",
    ),
    "it": (
        "[[1]] conferma il suo numero di telefono per [[0]].",
        "[[1]] è il suo codice di accesso a [[0]].",
    ),
    "ja": ("[[1]] は [[0]] の電話番号確認コードです。", "[[1]] は [[0]] のログインコードです。"),
    "ko": ("[[1]] [[0]] 전화번호 확인 코드입니다.", "[[1]] [[0]] 로그인 코드입니다."),
    "nl": (
        "[[1]] bevestigt uw telefoonnummer bij [[0]].",
        "[[1]] is uw inlogcode voor [[0]].",
    ),
    "pl": (
        "[[1]] potwierdza Twój numer telefonu w [[0]].",
        "[[1]] to Twój kod logowania do [[0]].",
    ),
    "pt": (
        "[[1]] confirma o seu número de telefone em [[0]].",
        "[[1]] é o seu código de acesso a [[0]].",
    ),
    "ro": (
        "[[1]] confirmă numărul dvs. de telefon la [[0]].",
        "[[1]] este codul dvs. de intrare în [[0]].",
    ),
    "ru": (
        "[[1]] подтверждает ваш номер телефона в [[0]].",
        "[[1]] – ваш код для входа в [[0]].",
    ),
    "sr": (
        "[[1]] потврђује ваш број телефона за [[0]].",
        "[[1]] је ваш код за пријаву на [[0]].",
    ),
    "sv": (
        "[[1]] bekräftar ditt telefonnummer hos [[0]].",
        "[[1]] är din inloggningskod till [[0]].",
    ),
    "tr": (
        "[[1]] kodu [[0]] için telefon numaranızı doğrular.",
        "[[1]] [[0]] giriş kodunuzdur.",
    ),
    "uk": (
        "[[1]] підтверджує ваш номер телефону в [[0]].",
        "[[1]] – ваш код для входу в [[0]].",
    ),
    "zh": ("[[1]] 是您在 [[0]] 的电话号码确认码。", "[[1]] 是您登录 [[0]] 的验证码。"),
}
"""Language -> (phone check, login). The code stands first, where phones show it at once."""


def text_files(language: str | None = None) -> dict[str, str]:
    """Path below the `emails` folder -> content.

    Args:
        language: only this one, for all users; None = English and every translation.

    Raises:
        ValidationFailed: there are no texts in that language.
    """
    if language is not None:
        if language not in TEXTS:
            raise wrong_field("language", f"expected one of {', '.join(TEXTS)}")
        return {"sms-messages.txt": _lines(language)}
    files = {"sms-messages.txt": _lines(MAIN)}
    for name in TEXTS:
        if name != MAIN:
            files[f"translations/sms-messages_{name}.txt"] = _lines(name)
    return files


def write_texts(folder: Path, language: str | None = None) -> list[Path]:
    """Write them below `folder`; files that say the same already are left alone.

    Returns:
        The files that were written.

    Raises:
        OSError: one cannot be written.
        ValidationFailed: see `text_files`.
    """
    written = []
    for name, content in text_files(language).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content.encode():
            path.write_bytes(content.encode())
            written.append(path)
    return written


def _lines(language: str) -> str:
    return "".join(f"{line}\n" for line in TEXTS[language])
