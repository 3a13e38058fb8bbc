// What became of the last messages as seen from here: also those that never reached enum-backend.
'use strict';

const { maskNumber } = require('./masks.js');

class Journal {
    constructor(most) {
        this._most = most || 50;
        this._entries = [];
        this.accepted = 0;
        this.failed = 0;
    }

    /** Keep one result; the number is masked, the text is not kept. */
    add(to, outcome) {
        if (outcome.error) this.failed += 1; else this.accepted += 1;
        this._entries.unshift({
            at: new Date().toISOString(),
            to: maskNumber(to),
            by: outcome.by,
            message_id: outcome.message_id || null,
            error: outcome.error || null
        });
        this._entries.length = Math.min(this._entries.length, this._most);
    }

    /** Newest first. */
    list() { return this._entries.slice(); }

    failures() { return this._entries.filter(function (entry) { return entry.error !== null; }); }
}

module.exports = { Journal };
