// Requests to enum-backend. Each has its own connection, one deadline for all of it, and an
// error that says in plain words what an administrator can do about it.
'use strict';

const http = require('http');
const https = require('https');
const { maskText } = require('./masks.js');

const MOST_OCTETS = 512 * 1024;
const LONGEST_REASON = 300;
const SOME_RESULT = 'the message may have been sent';

/**
 * A request that did not succeed; `message` is fit for administrators and holds neither code
 * nor whole number. `unreached` = not a byte of the request left: another way may be tried.
 */
class RequestError extends Error {
    constructor(message, unreached, status) {
        super(message);
        this.unreached = unreached === true;
        this.status = status || 0;
    }
}

/** The settings' server, asked. `version` goes into the User-Agent. */
class Client {
    constructor(settings, version) {
        this._settings = settings;
        this._agent = 'MeshCentral-enumbackend/' + version;
    }

    /** Hand a message over: {success, message_id, status}. */
    async send(phone, message) {
        const answer = await this._request('POST', '/meshcentral/sms', { phone: whole(phone), message: whole(message) });
        if (answer.success !== true || typeof answer.message_id !== 'string') throw this._foreign();
        return answer;
    }

    health() { return this._request('GET', '/meshcentral/health'); }

    messages(limit, before) {
        return this._request('GET', '/meshcentral/messages?' + query({ limit: String(limit), before }));
    }

    lookup(phone) { return this._request('GET', '/meshcentral/lookup?' + query({ phone })); }

    explain(phone, message) { return this._request('GET', '/meshcentral/explain?' + query({ phone, message })); }

    _foreign() {
        return new RequestError('What answers at ' + this._settings().url + ' is not enum-backend.', false);
    }

    async _request(method, path, body) {
        const settings = this._settings();
        if (settings.url === '' || settings.token === '') {
            throw new RequestError('The address or the token of enum-backend is not set.', true);
        }
        const { status, text } = await exchange(settings, method, path, body, this._agent);
        let document = null;
        try { document = JSON.parse(text); } catch (error) { /* said below */ }
        if (document === null || typeof document !== 'object') {
            if (status === 200) throw this._foreign();
            document = {};
        }
        if (status !== 200) throw new RequestError(reason(settings, status, document), false, status);
        return document;
    }
}

/** The status and text of one exchange. */
function exchange(settings, method, path, body, agent) {
    return new Promise(function (resolve, reject) {
        const url = new URL(settings.url + path);
        const payload = body === undefined ? null : Buffer.from(JSON.stringify(body), 'utf8');
        const headers = { Authorization: 'Bearer ' + settings.token, Accept: 'application/json', 'User-Agent': agent, Connection: 'close' };
        if (payload) Object.assign(headers, { 'Content-Type': 'application/json', 'Content-Length': payload.length });
        let reached = false;
        let request = null;
        const deadline = setTimeout(function () {
            const late = ' did not answer within ' + settings.timeout_seconds + ' s';
            fail(new RequestError('enum-backend at ' + settings.url + late + (reached && payload ? '; ' + SOME_RESULT : '') + '.', !reached));
        }, settings.timeout_seconds * 1000);
        function fail(error) {
            clearTimeout(deadline);
            reject(error);
            if (request) request.destroy();
        }
        function broken(error) {
            fail(new RequestError(trouble(settings, error, reached && payload), !reached));
        }
        request = (url.protocol === 'https:' ? https : http).request(url, { method, headers, agent: false });
        request.on('error', broken);
        request.on('socket', function (socket) {
            socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', function () { reached = true; });
        });
        request.on('response', function (response) {
            const parts = [];
            let octets = 0;
            response.on('error', broken);
            response.on('data', function (part) {
                octets += part.length;
                if (octets > MOST_OCTETS) return fail(new RequestError('What answers at ' + settings.url + ' is not enum-backend.', false));
                parts.push(part);
            });
            response.on('end', function () {
                clearTimeout(deadline);
                resolve({ status: response.statusCode, text: Buffer.concat(parts).toString('utf8') });
            });
        });
        request.end(payload || undefined);
    });
}

/** Why an exchange broke, by node's error code. */
function trouble(settings, error, sent) {
    const code = String((error && error.code) || '');
    const there = 'enum-backend at ' + settings.url;
    if (code === 'ECONNREFUSED') return there + ' does not answer: nothing listens there.';
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return there + ': the name cannot be resolved.';
    if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return there + ' cannot be reached from here.';
    if (/CERT|TLS|SSL|ALTNAME|SELF_SIGNED|UNABLE_TO/.test(code)) return there + ': its certificate is not accepted (' + code + ').';
    return there + ': the connection broke (' + (code || 'unknown') + ')' + (sent ? '; ' + SOME_RESULT : '') + '.';
}

/** Why the server refused: a problem document's own words where there are any. */
function reason(settings, status, document) {
    if (status === 401) return 'enum-backend does not accept the token.';
    const errors = Array.isArray(document.errors) ? document.errors : [];
    const words = errors.map(function (item) { return item && typeof item.message === 'string' ? (item.field ? item.field + ': ' : '') + item.message : ''; }).filter(Boolean);
    const said = words.length ? words.join('; ') : typeof document.detail === 'string' ? document.detail : '';
    if (said) return maskText(said).slice(0, LONGEST_REASON);
    if (status === 404) return 'There is no enum-backend at ' + settings.url + '.';
    if (status >= 300 && status < 400) return 'What answers at ' + settings.url + ' redirects (' + status + '); enter the final address.';
    return 'enum-backend answered with status ' + status + '.';
}

function query(values) {
    const given = Object.entries(values).filter(function (pair) { return pair[1] !== undefined && pair[1] !== ''; });
    return new URLSearchParams(given).toString();
}

/** Half of a surrogate pair cannot be sent as UTF-8. */
function whole(text) {
    return String(text).replace(/\p{Surrogate}/gu, '\ufffd');
}

module.exports = { Client, RequestError };
