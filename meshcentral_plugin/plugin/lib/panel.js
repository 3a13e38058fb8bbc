// The administrators' panel: one page, and the requests it makes. Both are for full site
// administrators only, which is asked for each request; requests must come from our own page.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { isFromOurPage, isFullAdmin, isLoginToken, pageToken, showsServer } = require('./access.js');
const { RequestError } = require('./client.js');
const { maskNumber, maskText } = require('./masks.js');
const { SettingsError } = require('./settings.js');

const NAME = 'enumbackend';
const PAGE_MESSAGES = 20;

class Panel {
    /** `plugin` has server, settings, client, journal, info() and takeOver(). */
    constructor(plugin, folder) {
        this._plugin = plugin;
        const read = (name) => fs.readFileSync(path.join(folder, name), 'utf8');
        this._parts = { html: read('panel.html'), css: read('panel.css'), js: ['dom.js', 'views.js', 'panel.js'].map(read).join('\n') };
        this._actions = { overview, health, messages, lookup, explain, send, save };
    }

    /** GET: the page itself; it holds nothing but its token. */
    page(req, res, user) {
        try {
            if (!this._mayUse(req, user)) return refuse(res, 401, 'Only for full site administrators.');
            const nonce = crypto.randomBytes(16).toString('base64');
            const values = { nonce, style: this._parts.css, script: this._parts.js, page: pageToken(user, req) };
            res.set({
                'Content-Security-Policy': "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce + "'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
                'Cache-Control': 'no-store',
                'X-Content-Type-Options': 'nosniff',
                'Referrer-Policy': 'no-referrer'
            });
            return res.type('html').send(this._parts.html.replace(/\[\[(\w+)\]\]/g, (_, name) => values[name]));
        } catch (error) {
            return this._failed(res, error);
        }
    }

    /** POST: one action, a form in, JSON out. */
    request(req, res, user) {
        return this._answer(req, res, user).catch((error) => this._failed(res, error));
    }

    async _answer(req, res, user) {
        if (!this._mayUse(req, user)) return refuse(res, 401, 'Only for full site administrators.');
        if (!isFromOurPage(user, req)) return refuse(res, 403, 'This page is out of date: load it again.');
        const form = req.body || {};
        const action = Object.prototype.hasOwnProperty.call(this._actions, form.do) ? this._actions[form.do] : null;
        if (action === null) return refuse(res, 400, 'There is no such action.');
        try {
            return answer(res, 200, { ok: true, data: await action(this._plugin, form, user) });
        } catch (error) {
            if (!(error instanceof RequestError || error instanceof SettingsError || error instanceof FormError)) throw error;
            return answer(res, 200, { ok: false, error: error.message, status: error.status || 0 });
        }
    }

    _mayUse(req, user) {
        const server = this._plugin.server;
        const domains = (server.config && server.config.domains) || {};
        return isFullAdmin(server.webserver, user) && !isLoginToken(req) && showsServer(domains[user.domain || '']);
    }

    _failed(res, error) {
        console.log(NAME + ': the panel failed: ' + maskText((error && error.stack) || error));
        try { if (!res.headersSent) refuse(res, 500, 'The plugin failed; MeshCentral\'s output says where.'); } catch (ignored) { /* the browser is gone */ }
    }
}

/** Something wrong with what was entered. */
class FormError extends Error {}

function answer(res, status, document) {
    res.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    res.status(status).type('json').send(JSON.stringify(document));
}

function refuse(res, status, error) { answer(res, status, { ok: false, error, status }); }

async function overview(plugin) { return { info: plugin.info(), failures: plugin.journal.failures() }; }

async function health(plugin) { return plugin.client.health(); }

async function messages(plugin, form) { return plugin.client.messages(PAGE_MESSAGES, text(form, 'before', 40, true)); }

async function lookup(plugin, form) { return plugin.client.lookup(text(form, 'phone', 64)); }

async function explain(plugin, form) {
    return plugin.client.explain(text(form, 'phone', 64), text(form, 'text', 1600, true));
}

/** A test goes to enum-backend itself, also while the plugin is switched off. */
async function send(plugin, form, user) {
    const phone = text(form, 'phone', 64);
    let result;
    try { result = await plugin.client.send(phone, text(form, 'text', 1600)); } catch (error) {
        if (error instanceof RequestError) plugin.journal.add(phone, { by: 'test', error: error.message });
        throw error;
    }
    plugin.journal.add(phone, { by: 'test', message_id: result.message_id });
    note(plugin, user, 'Sent a test SMS to ' + maskNumber(phone) + ' through enum-backend (' + result.message_id + ')');
    return result;
}

/** The token is write-only: left empty it stays, but only for the address it was given for. */
async function save(plugin, form, user) {
    const now = plugin.settings.current();
    const url = text(form, 'url', 400, true).trim();
    let token = text(form, 'token', 512, true).trim();
    if (token === '' && now.token !== '') {
        if (url.replace(/\/+$/, '') !== now.url) throw new FormError('token: enter it again for another address');
        token = now.token;
    }
    plugin.settings.save({
        url, token,
        timeout_seconds: Number(text(form, 'timeout_seconds', 10)),
        enabled: form.enabled === 'true',
        fallback: form.fallback === 'true'
    });
    plugin.takeOver();
    note(plugin, user, 'Changed the settings of the plugin enumbackend');
    return { info: plugin.info(), failures: plugin.journal.failures() };
}

function text(form, name, most, mayBeEmpty) {
    const value = form[name];
    if (value === undefined && mayBeEmpty) return '';
    if (typeof value !== 'string' || (value.trim() === '' && !mayBeEmpty)) throw new FormError(name + ': is missing');
    if (value.length > most) throw new FormError(name + ': is longer than ' + most + ' characters');
    return value;
}

/** A line in MeshCentral's own events, for other administrators. */
function note(plugin, user, msg) {
    try {
        plugin.server.DispatchEvent(['*', user._id], plugin, { etype: 'user', userid: user._id, username: user.name, action: NAME, msg, domain: user.domain || '' });
    } catch (error) { console.log(NAME + ': no event was written: ' + maskText(error && error.message)); }
}

module.exports = { Panel };
