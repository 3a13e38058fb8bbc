// Numbers and codes as those see them who need not know them.
'use strict';

const NUMBER = /\+[0-9](?:[ .()-]?[0-9]){3,18}/g;
const CODE = /(?<![0-9+])[0-9]{6}(?![0-9])/g;

/** "+1 555-765.4321" -> "+15*******21"; whatever is typed, its country and last two digits only. */
function maskNumber(typed) {
    const text = String(typed);
    const plus = text.trim().startsWith('+') ? '+' : '';
    const digits = text.replace(/[^0-9]/g, '');
    if (digits.length < 5) return plus + '*'.repeat(digits.length);
    return plus + digits.slice(0, 2) + '*'.repeat(digits.length - 4) + digits.slice(-2);
}

/** A text without codes of six digits and without whole numbers; one line. */
function maskText(text) {
    return String(text).replace(/[\u0000-\u001f\u007f]+/g, ' ').replace(NUMBER, maskNumber).replace(CODE, '******');
}

/** A text of MeshCentral's own log: its numbers come as they were typed, "+" or not. */
function maskLog(text) {
    return maskText(text).replace(/[0-9][0-9 .()-]{6,}[0-9]/g, maskNumber);
}

module.exports = { maskNumber, maskText, maskLog };
