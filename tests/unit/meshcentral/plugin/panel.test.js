'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Backend, TOKEN, ask, mesh, ownProvider, quiet, started } = require('./fakes.js');

async function world(t, settings, smsserver) {
    const printed = quiet(t);
    const backend = await new Backend().open();
    t.after(() => backend.close());
    const here = mesh({ url: backend.url, token: TOKEN, ...settings }, smsserver);
    const plugin = started(here);
    const page = await ask(plugin, 'handleAdminReq', here.admin);
    const token = /name="page-token" content="([^"]+)"/.exec(page.text)[1];
    const headers = { 'x-enumbackend-page': token, 'sec-fetch-site': 'same-origin' };
    async function act(action, values) {
        const answer = await ask(plugin, 'handleAdminPostReq', here.admin, { headers, body: { do: action, ...values } });
        return { http: answer.status, ...JSON.parse(answer.text) };
    }
    return { ...here, backend, plugin, printed, page, headers, act };
}

test('the page runs its own script only, and holds no token of the server', async (t) => {
    const { page } = await world(t);
    const policy = page.headers['Content-Security-Policy'];
    const [, nonce] = /script-src 'nonce-([^']+)'/.exec(policy);
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /form-action 'none'; base-uri 'none'; frame-ancestors 'self'/);
    assert.equal(page.headers['Cache-Control'], 'no-store');
    assert.equal(page.text.match(/<script/g).length, 1);
    assert.ok(page.text.includes('<script nonce="' + nonce + '">'));
    assert.doesNotMatch(page.text, /\[\[(nonce|page|style|script)\]\]| on\w+="|innerHTML|insertAdjacent|document\.write/);
    assert.doesNotMatch(page.text, new RegExp(TOKEN));
});

test('only full administrators of this moment, with their own login, where the server is shown', async (t) => {
    const here = await world(t);
    const body = { do: 'overview' };
    async function statuses(user, session) {
        const get = await ask(here.plugin, 'handleAdminReq', user, { session });
        const post = await ask(here.plugin, 'handleAdminPostReq', user, { session, body, headers: here.headers });
        return [get.status, post.status];
    }
    assert.deepEqual(await statuses(here.admin), [200, 200]);
    assert.deepEqual(await statuses(here.user), [401, 401]);
    assert.deepEqual(await statuses({ _id: 'user//gone', siteadmin: 0xFFFFFFFF }), [401, 401]);
    assert.deepEqual(await statuses(undefined), [401, 401]);
    assert.deepEqual(await statuses(here.admin, { x: 'session', loginToken: 'x' }), [401, 401]);
    here.server.config.domains[''].myserver = false;
    assert.deepEqual(await statuses(here.admin), [401, 401]);
    here.server.config.domains[''].myserver = { console: true };
    here.admin.siteadmin = 0xFFFFFFFE;
    assert.deepEqual(await statuses(here.admin), [401, 401]);
});

test('no other page can make a request', async (t) => {
    const here = await world(t);
    const post = (headers, session) => ask(here.plugin, 'handleAdminPostReq', here.admin, { headers, session, body: { do: 'send', phone: '+14155550101', text: 'x' } });
    assert.equal((await post({})).status, 403);
    assert.equal((await post({ 'x-enumbackend-page': 'x' })).status, 403);
    assert.equal((await post({ ...here.headers, 'sec-fetch-site': 'cross-site' })).status, 403);
    assert.equal((await post(here.headers, { x: 'another session' })).status, 403);
    assert.deepEqual(here.backend.requests, []);
    assert.equal((await post({ 'x-enumbackend-page': here.headers['x-enumbackend-page'] })).status, 200);
});

test('a test message is sent, kept in the events, and its refusal in the list', async (t) => {
    const { act, backend, server } = await world(t);
    assert.deepEqual((await act('send', { phone: '+1 415-555.0101', text: 'hello' })).data, { success: true, message_id: 'msg_1', status: 'queued' });
    assert.deepEqual(JSON.parse(backend.requests[0].body), { phone: '+1 415-555.0101', message: 'hello' });
    assert.match(server.events[0].msg, /test SMS to \+14\*{7}01/);
    backend.answer = () => [503, { detail: 'Sending is switched off.' }];
    assert.deepEqual(await act('send', { phone: '+14155550101', text: 'hello' }), { http: 200, ok: false, error: 'Sending is switched off.', status: 503 });
    const [failure] = (await act('overview')).data.failures;
    assert.deepEqual([failure.to, failure.by, failure.error], ['+14*******01', 'test', 'Sending is switched off.']);
});

test('what is entered is checked', async (t) => {
    const { act, backend } = await world(t);
    assert.match((await act('send', { text: 'x' })).error, /^phone: is missing/);
    assert.match((await act('send', { phone: ' ', text: 'x' })).error, /^phone: is missing/);
    assert.match((await act('send', { phone: ['1', '2'], text: 'x' })).error, /^phone: is missing/);
    assert.match((await act('lookup', { phone: '1'.repeat(65) })).error, /^phone: is longer/);
    assert.deepEqual((await act('nonsense')).http, 400);
    assert.deepEqual((await act('toString')).http, 400);
    assert.deepEqual(backend.requests, []);
});

test('health, messages, look-up and explanation are the server\'s', async (t) => {
    const { act, backend } = await world(t);
    backend.answer = ({ url }) => [200, { url }];
    assert.equal((await act('health')).data.url, '/meshcentral/health');
    assert.equal((await act('messages', { before: 'msg_9' })).data.url, '/meshcentral/messages?limit=20&before=msg_9');
    assert.equal((await act('lookup', { phone: '+1' })).data.url, '/meshcentral/lookup?phone=%2B1');
    assert.equal((await act('explain', { phone: '+1', text: '' })).data.url, '/meshcentral/explain?phone=%2B1');
});

test('settings are kept for the owner only; the token is written, never shown', async (t) => {
    const { act, backend, data, server } = await world(t);
    const form = { url: backend.url + '/', timeout_seconds: '20', enabled: 'false', fallback: 'true' };
    const saved = await act('save', form);
    assert.doesNotMatch(JSON.stringify(saved), new RegExp(TOKEN));
    assert.deepEqual([saved.data.info.enabled, saved.data.info.fallback, saved.data.info.timeout_seconds, saved.data.info.state], [false, true, 20, 'off']);
    const file = path.join(data, 'enumbackend.json');
    assert.equal(JSON.parse(fs.readFileSync(file, 'utf8')).token, TOKEN);
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.match(server.events[0].msg, /Changed the settings/);
    assert.match((await act('save', { ...form, url: 'https://evil.example.org' })).error, /^token: enter it again/);
    assert.match((await act('save', { ...form, timeout_seconds: 'long' })).error, /^timeout_seconds/);
    assert.match((await act('save', { ...form, token: 'x' })).error, /^token/);
    assert.equal(JSON.parse(fs.readFileSync(file, 'utf8')).url, backend.url);
    const moved = await act('save', { ...form, url: 'http://sms.example.org', token: TOKEN, enabled: 'true' });
    assert.match(moved.data.info.problems.join(), /clear text/);
});

test('set up in the panel, SMS are taken over at once', async (t) => {
    const { act, backend, server } = await world(t, { url: '', token: '' });
    assert.equal(server.smsserver, null);
    assert.equal((await act('overview')).data.info.state, 'unset');
    assert.match((await act('health')).error, /not set/);
    const gateway = require('../../../../meshcentral_plugin/plugin/lib/gateway.js');
    t.mock.method(gateway, 'install', (target, owner) => { target.smsserver = { owner }; });
    await act('save', { url: backend.url, token: TOKEN, timeout_seconds: '10', enabled: 'true' });
    assert.notEqual(server.smsserver, null);
});

test('a MeshCentral that has changed keeps its SMS, and the panel says so', async (t) => {
    const printed = quiet(t);
    const own = ownProvider();
    const here = mesh({ url: 'http://127.0.0.1:9', token: TOKEN }, own);
    const { enumbackend } = require('../../../../meshcentral_plugin/plugin/enumbackend.js');
    here.server.webserver.meshUserHandler = {};
    const plugin = enumbackend(here.handler);
    here.handler.plugins.enumbackend = plugin;
    plugin.server_startup();
    assert.equal(here.server.smsserver, own);
    assert.match(printed.join('\n'), /taking SMS over failed/);
    assert.match(printed.join('\n'), /the console failed/);
    const page = await ask(plugin, 'handleAdminReq', here.admin);
    const headers = { 'x-enumbackend-page': /page-token" content="([^"]+)"/.exec(page.text)[1] };
    const { data } = JSON.parse((await ask(plugin, 'handleAdminPostReq', here.admin, { headers, body: { do: 'overview' } })).text);
    assert.equal(data.info.state, 'broken');
    assert.match(data.info.problems.join(), /SMS cannot be taken over/);
});

test('a fault of the panel is said, and nothing more', async (t) => {
    const here = await world(t);
    here.plugin.handleAdminReq({ session: {} }, { set: () => { throw new Error('of +14155550101'); }, headersSent: true }, here.admin);
    assert.match(here.printed.join('\n'), /the panel failed: Error: of \+14\*{7}01/);
    here.server.DispatchEvent = () => { throw new Error('no events'); };
    assert.equal((await here.act('send', { phone: '+14155550101', text: 'x' })).ok, true);
    assert.match(here.printed.join('\n'), /no event was written: no events/);
});
