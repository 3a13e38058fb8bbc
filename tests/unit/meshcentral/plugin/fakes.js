// What the plugin meets: a MeshCentral, and an enum-backend.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { EventEmitter } = require('node:events');

const PLUGIN = path.join(__dirname, '../../../../meshcentral_plugin/plugin');
const TOKEN = 'token-of-a-test-0123456789'; // scan-secrets: allow
const FULL = 0xFFFFFFFF;

function folder() { return fs.mkdtempSync(path.join(os.tmpdir(), 'enumbackend-plugin-')); }

/** A server that answers as told, and keeps what it was asked. */
class Backend {
    constructor() {
        this.requests = [];
        this.answer = () => [200, { success: true, message_id: 'msg_1', status: 'queued' }];
        this.server = http.createServer((request, response) => {
            const parts = [];
            request.on('data', (part) => parts.push(part));
            request.on('end', () => {
                const body = Buffer.concat(parts).toString('utf8');
                const asked = { method: request.method, url: request.url, headers: request.headers, body };
                this.requests.push(asked);
                const answered = this.answer(asked, response);
                if (!answered) return;
                const [status, document, headers] = answered;
                response.writeHead(status, Object.assign({ 'Content-Type': 'application/json' }, headers));
                response.end(typeof document === 'string' ? document : JSON.stringify(document));
            });
        });
    }

    async open() {
        await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
        this.url = 'http://127.0.0.1:' + this.server.address().port;
        return this;
    }

    async close() {
        this.server.closeAllConnections();
        await new Promise((resolve) => { this.server.close(resolve); });
    }
}

/** MeshCentral's meshsms.js, as far as the plugin uses it. */
function createMeshSMS(parent) {
    const obj = { made: true };
    obj.sendSMS = () => { throw new Error('the provider of the view must never send'); };
    obj.sendPhoneCheck = (domain, phone, code, language, func) => {
        parent.debug('email', 'Sending verification SMS to ' + phone);
        obj.sendSMS(phone, 'MeshTest verification code is: ' + code, func);
    };
    obj.sendToken = (domain, phone, code, language, func) => {
        parent.debug('email', 'Sending login token SMS to ' + phone);
        obj.sendSMS(phone, 'MeshTest access token is: ' + code, func);
    };
    return obj;
}

/** A provider of MeshCentral's own. */
function ownProvider() {
    const provider = { sent: [] };
    provider.sendSMS = (to, text, func) => { provider.sent.push([to, text]); if (func) func(true, null, null); };
    return provider;
}

/** A server of MeshCentral with an administrator and a user. */
function mesh(settings, smsserver) {
    const data = folder();
    if (settings) fs.writeFileSync(path.join(data, 'enumbackend.json'), JSON.stringify(settings), { mode: 0o600 });
    const admin = { _id: 'user//admin', name: 'admin', domain: '', siteadmin: FULL };
    const user = { _id: 'user//user', name: 'user', domain: '', siteadmin: 2 };
    const server = {
        datapath: data, currentVer: '1.1.55', smsserver: smsserver || null, config: { domains: { '': {} } },
        logged: [], events: [],
        debug: (...words) => server.logged.push(words.join(' ')),
        DispatchEvent: (ids, source, event) => server.events.push(event),
        webserver: { users: { 'user//admin': admin, 'user//user': user }, wssessions: {}, meshUserHandler: { CreateMeshUser: () => null } }
    };
    const handler = { parent: server, plugins: {} };
    return { server, handler, admin, user, data };
}

/** The plugin, started as MeshCentral starts it; `meshsms.js` is the fake one. */
function started(world) {
    const gateway = require(path.join(PLUGIN, 'lib/gateway.js'));
    const install = gateway.install;
    gateway.install = (server, owner) => install(server, owner, createMeshSMS);
    const { enumbackend } = require(path.join(PLUGIN, 'enumbackend.js'));
    const plugin = enumbackend(world.handler);
    world.handler.plugins.enumbackend = plugin;
    plugin.server_startup();
    gateway.install = install;
    return plugin;
}

function sent(smsserver, to, text) {
    return new Promise((resolve) => { smsserver.sendSMS(to, text, (...result) => resolve(result)); });
}

/** One request to the panel; what it answered. */
function ask(plugin, method, user, { body, headers, session } = {}) {
    return new Promise((resolve) => {
        const answer = { status: 200, headers: {} };
        const res = {
            set: (values) => { Object.assign(answer.headers, values); return res; },
            status: (status) => { answer.status = status; return res; },
            type: () => res,
            send: (text) => { answer.text = text; resolve(answer); return res; }
        };
        const req = { body: body || {}, headers: headers || {}, session: session || { x: 'session' }, query: { pin: 'enumbackend' } };
        plugin[method](req, res, user);
    });
}

/** The control channel of a user's page. */
function channel(world, user, req, domain) {
    const ws = new EventEmitter();
    ws.sent = [];
    ws.send = (text) => { ws.sent.push(JSON.parse(text)); ws.emit('answered'); };
    const seen = [];
    world.server.webserver.meshUserHandler.CreateMeshUser(null, null, ws, req || { session: {} }, {}, domain || {}, user, null);
    ws.on('message', (message) => seen.push(JSON.parse(message.toString())));
    return { ws, seen, say: (value) => ws.emit('message', Buffer.from(JSON.stringify({ action: 'serverconsole', value, tag: 't' }))) };
}

function quiet(t) {
    const printed = [];
    t.mock.method(console, 'log', (...words) => { printed.push(words.join(' ')); });
    return printed;
}

module.exports = { Backend, PLUGIN, TOKEN, ask, channel, createMeshSMS, folder, mesh, ownProvider, quiet, sent, started };
