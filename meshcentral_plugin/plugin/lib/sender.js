// One SMS: by enum-backend, else by the provider before us, where the settings want that.
'use strict';

const { sendByPrevious } = require('./gateway.js');
const { maskNumber, maskText } = require('./masks.js');

const QUIET_MS = 60000;
const HOLDS_CODE = /(?<![0-9])[0-9]{6}(?![0-9])/;

class Sender {
    /** `now` is for tests; milliseconds. */
    constructor(server, settings, client, journal, now) {
        this._server = server;
        this._settings = settings;
        this._client = client;
        this._journal = journal;
        this._now = now || Date.now;
        this._told = new Map();
    }

    /** `done` is MeshCentral's callback: (success, error text or null, result or null). */
    send(to, text, previous, done) {
        const settings = this._settings.current();
        const ready = settings.url !== '' && settings.token !== '';
        if (!settings.enabled || (!ready && previous !== null)) return sendByPrevious(previous, to, text, done);
        this._client.send(to, text).then(
            (answer) => this._accepted(to, answer, done),
            (error) => this._refused(to, text, previous, error, done)
        ).catch((error) => done(false, 'The plugin enumbackend failed: ' + maskText(error && error.message), null));
        return undefined;
    }

    _accepted(to, answer, done) {
        this._journal.add(to, { by: 'enum-backend', message_id: answer.message_id });
        this._debug('SMS to ' + maskNumber(to) + ' accepted as ' + answer.message_id);
        done(true, null, { message_id: answer.message_id, status: answer.status });
    }

    _refused(to, text, previous, error, done) {
        const words = maskText((error && error.message) || 'unknown error');
        const other = error.unreached === true && this._settings.current().fallback && previous !== null;
        this._journal.add(to, { by: other ? 'previous' : 'enum-backend', error: words });
        console.log('enumbackend: SMS to ' + maskNumber(to) + ' failed: ' + words + (other ? ' Sent by MeshCentral\'s own provider.' : ''));
        this._debug('SMS to ' + maskNumber(to) + ' failed: ' + words);
        if (HOLDS_CODE.test(String(text))) this._tell(words);
        if (other) sendByPrevious(previous, to, text, done); else done(false, words, null);
    }

    _debug(words) {
        try { this._server.debug('email', 'enum-backend: ' + words); } catch (error) { /* a log is no reason to fail */ }
    }

    /**
     * MeshCentral shows nobody that a login's or a phone check's SMS failed; so the full
     * administrators who are there are told, each reason at most once a minute.
     */
    _tell(words) {
        const now = this._now();
        for (const [said, at] of this._told) if (now - at >= QUIET_MS) this._told.delete(said);
        if (this._told.has(words)) return;
        this._told.set(words, now);
        const notice = { action: 'msg', type: 'notify', title: 'SMS failed', tag: 'ServerNotify', id: Math.random(), value: words };
        const web = this._server.webserver || {};
        for (const [userid, sockets] of Object.entries(web.wssessions || {})) {
            const user = (web.users || {})[userid];
            if (!user || user.siteadmin !== 0xFFFFFFFF) continue;
            for (const socket of sockets) {
                try { socket.send(JSON.stringify(notice)); } catch (error) { /* it is closing */ }
            }
        }
    }
}

module.exports = { Sender };
