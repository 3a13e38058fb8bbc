'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { PLUGIN, TOKEN, folder } = require('./fakes.js');
const { SettingsFile, checked, isClear, DEFAULTS } = require(path.join(PLUGIN, 'lib/settings.js'));
const { maskLog, maskNumber, maskText } = require(path.join(PLUGIN, 'lib/masks.js'));

test('what cannot be used is refused by name', () => {
    const wrong = [
        [[], /JSON object/], [null, /JSON object/], [{ tokn: 'x' }, /tokn: there is no such/],
        [{ url: 7 }, /url/], [{ url: 'sms.example.org' }, /url/], [{ url: 'ftp://sms.example.org' }, /http/],
        [{ url: 'https://user:pass@sms.example.org' }, /token is a setting/], [{ url: 'https://sms.example.org/?a=1' }, /without \?/],
        [{ token: 'short' }, /token/], [{ token: 'with blanks in the middle' }, /token/], [{ token: 5 }, /token/],
        [{ timeout_seconds: 0 }, /timeout_seconds/], [{ timeout_seconds: 61 }, /timeout_seconds/], [{ timeout_seconds: '9' }, /timeout_seconds/], [{ timeout_seconds: NaN }, /timeout_seconds/],
        [{ enabled: 'yes' }, /enabled/], [{ fallback: 1 }, /fallback/]
    ];
    for (const [given, words] of wrong) assert.throws(() => checked(given), words, JSON.stringify(given));
});

test('the address is kept without a slash at its end', () => {
    assert.equal(checked({ url: 'https://sms.example.org/enum/' }).url, 'https://sms.example.org/enum');
    assert.equal(checked({ url: 'HTTP://SMS.example.org:8080' }).url, 'http://sms.example.org:8080');
});

test('clear text is known by the address', () => {
    assert.equal(isClear('http://sms.example.org'), true);
    for (const url of ['', 'https://sms.example.org', 'http://127.0.0.1:8000', 'http://localhost', 'http://[::1]:8000']) assert.equal(isClear(url), false, url);
    assert.equal(isClear('http://127.example.org'), true);
});

test('the file is read again when it changes, and written for its owner only', () => {
    const data = folder();
    const file = new SettingsFile(data);
    assert.deepEqual(file.current(), DEFAULTS);
    const saved = file.save({ url: 'https://sms.example.org', token: TOKEN });
    assert.equal(saved.token, TOKEN);
    assert.equal(fs.statSync(file.path).mode & 0o777, 0o600);
    assert.deepEqual(fs.readdirSync(data), ['enumbackend.json']);
    fs.writeFileSync(file.path, JSON.stringify({ url: 'https://other.example.org', token: TOKEN, enabled: false }));
    assert.equal(file.current().url, 'https://other.example.org');
    assert.equal(file.current().enabled, false);
    fs.unlinkSync(file.path);
    assert.deepEqual(file.current(), DEFAULTS);
});

test('a broken file is a problem, not a crash; one that others read is said', () => {
    const file = new SettingsFile(folder());
    const cases = [['{', /is not JSON/], ['[]', /JSON object/], ['{"url": "x"}', /url/]];
    for (const [text, words] of cases) {
        fs.writeFileSync(file.path, text, { mode: 0o600 });
        fs.chmodSync(file.path, 0o600);
        assert.deepEqual(file.current(), DEFAULTS);
        assert.match(file.problem, words);
        fs.unlinkSync(file.path);
        file.current();
    }
    fs.writeFileSync(file.path, '{}', { mode: 0o644 });
    file.current();
    assert.match(file.problem, /chmod 600/);
});

test('what cannot be written leaves the former settings', () => {
    const file = new SettingsFile(path.join(folder(), 'is-not-there'));
    assert.throws(() => file.save({ url: 'https://sms.example.org' }), /cannot be written \(ENOENT\)/);
    assert.deepEqual(file.current(), DEFAULTS);
});

test('numbers and codes are masked however they are typed', () => {
    for (const typed of ['+15557654321', '+1 (555) 765-4321', '+1 555-765.4321']) assert.equal(maskNumber(typed), '+15*******21');
    assert.equal(maskNumber('5557654321'), '55******21');
    assert.equal(maskNumber('12'), '**');
    assert.equal(maskNumber(null), '');
    assert.equal(maskText('code 048291\nfor +1 555-765.4321 in 10 s'), 'code ****** for +15*******21 in 10 s');
    assert.equal(maskLog('Sending login token SMS to (555) 765-4321'), 'Sending login token SMS to (55******21');
    assert.equal(maskLog('Getting SMS template #1, lang: en-us'), 'Getting SMS template #1, lang: en-us');
});
