// The plugin's settings: enumbackend.json in MeshCentral's data folder, mode 600, because it
// holds the token. Beside the plugin's own folder it survives updates and removal.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

const FILE = 'enumbackend.json';
const DEFAULTS = Object.freeze({ url: '', token: '', timeout_seconds: 10, enabled: true, fallback: false });
const MOST_SECONDS = 60;

/** What is wrong with a setting; the message names it and is fit for administrators. */
class SettingsError extends Error {}

/**
 * Settings as they may be used, from what a file or a form holds.
 * Throws SettingsError for unknown names, wrong types and values out of range.
 */
function checked(given) {
    if (given === null || typeof given !== 'object' || Array.isArray(given)) throw new SettingsError('expected a JSON object');
    for (const name of Object.keys(given)) {
        if (!(name in DEFAULTS)) throw new SettingsError(name.slice(0, 40) + ': there is no such setting');
    }
    const settings = Object.assign({}, DEFAULTS, given);
    settings.url = checkedUrl(settings.url);
    if (typeof settings.token !== 'string' || !/^([!-~]{16,512})?$/.test(settings.token)) {
        throw new SettingsError('token: expected 16 to 512 characters without blanks');
    }
    const seconds = settings.timeout_seconds;
    if (typeof seconds !== 'number' || !(seconds >= 1 && seconds <= MOST_SECONDS)) {
        throw new SettingsError('timeout_seconds: expected 1 to ' + MOST_SECONDS);
    }
    for (const name of ['enabled', 'fallback']) {
        if (typeof settings[name] !== 'boolean') throw new SettingsError(name + ': expected true or false');
    }
    return Object.freeze(settings);
}

function checkedUrl(given) {
    if (typeof given !== 'string') throw new SettingsError('url: expected text');
    if (given === '') return '';
    let url;
    try { url = new URL(given); } catch (error) { throw new SettingsError('url: is not a URL'); }
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new SettingsError('url: must start with http:// or https://');
    if (url.username || url.password) throw new SettingsError('url: the token is a setting of its own, not part of the URL');
    if (url.search || url.hash) throw new SettingsError('url: expected the address of enum-backend only, without ? and #');
    return url.origin + url.pathname.replace(/\/+$/, '');
}

/** Whether a token and codes would cross a network in clear text. */
function isClear(url) {
    if (!url.startsWith('http://')) return false;
    const host = new URL(url).hostname;
    return !(host === 'localhost' || host === '[::1]' || /^127\.[0-9.]+$/.test(host));
}

/** Reads the file anew whenever it changes, and replaces it at once. */
class SettingsFile {
    constructor(folder) {
        this.path = path.join(folder, FILE);
        this._stamp = null;
        this._settings = DEFAULTS;
        this.problem = '';
    }

    /** The settings in force; with a `problem` they are the defaults, which send nothing. */
    current() {
        let stat = null;
        try { stat = fs.statSync(this.path); } catch (error) { /* no file: the defaults */ }
        const stamp = stat && [stat.mtimeMs, stat.ctimeMs, stat.size, stat.ino].join('/');
        if (stamp === this._stamp) return this._settings;
        this._stamp = stamp;
        this._settings = DEFAULTS;
        this.problem = '';
        if (stat === null) return this._settings;
        try {
            this._settings = checked(JSON.parse(fs.readFileSync(this.path, 'utf8')));
            if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) this.problem = FILE + ' holds a token and is readable by others: chmod 600';
        } catch (error) {
            this.problem = FILE + ': ' + (error instanceof SettingsError ? error.message : error instanceof SyntaxError ? 'is not JSON' : error.code || 'cannot be read');
        }
        return this._settings;
    }

    /** Check and keep settings; throws SettingsError, the former ones then stay. */
    save(given) {
        const settings = checked(given);
        const temporary = this.path + '.' + crypto.randomBytes(8).toString('hex');
        try {
            const file = fs.openSync(temporary, 'wx', 0o600);
            try {
                fs.writeSync(file, JSON.stringify(settings, null, 2) + '\n');
                fs.fsyncSync(file);
            } finally { fs.closeSync(file); }
            fs.renameSync(temporary, this.path);
        } catch (error) {
            try { fs.unlinkSync(temporary); } catch (ignored) { /* it was never made */ }
            throw new SettingsError(FILE + ': cannot be written (' + (error.code || 'error') + ')');
        }
        return this.current();
    }
}

module.exports = { SettingsFile, SettingsError, checked, isClear, DEFAULTS, FILE };
