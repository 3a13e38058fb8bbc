'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Backend, PLUGIN, TOKEN, channel, mesh, quiet, started } = require('./fakes.js');
const { words } = require(path.join(PLUGIN, 'lib/console.js'));

const HEALTH = {
    status: 'ready', mode: 'live', version: '0.1.0', default: ['office'], records: { source: 'file', ok: true },
    gateways: [
        { name: 'office', provider: 'url', usable: true, health: 'closed' }, { name: 'branch', provider: 'twilio', usable: true, health: 'open' },
        { name: 'spare', provider: 'plivo', usable: false, health: 'closed' }
    ]
};
const RECORD = {
    number: '+14155550190', e164_name: '0.9.1.0.5.5.5.5.1.4.1.e164.arpa', trust: { level: 'operator', reason: 'ours' }, ttl: 60, source: 'file',
    voice: [{ service: 'E2U+sip', uri: 'sip:a@pbx.example', regexp: '!^.*$!sip:a@pbx.example!' }], sms: { gateway: 'branch', number: '+14155550190', configured: false },
    entries: [{ name: 'enum:14155550190:0', problems: [{ field: 'ttl', message: 'is not a number' }] }], naptr: ['100 10 "u" "E2U+sip" "!^.*$!sip:a@pbx.example!" .']
};
const EXPLAINED = {
    number: '+14155550190', destination: '+14155550191', about: 'a login code', mode: 'live', chain: ['branch', 'office'], encoding: 'GSM-7', segments: 1,
    estimated_cost: { amount: '0.01', currency: 'USD' }, steps: [{ rule: 'record', applied: true, why: 'it names branch' }, { rule: 'prefix', applied: false, why: 'none' }],
    refusals: [{ error_code: 'OPTED_OUT', detail: 'opted out' }]
};
const MESSAGES = { next: null, messages: [{ created_at: '2026-01-02T03:04:05.000Z', destination: '+14*******90', status: 'failed', reason: 'rejected', gateway: 'office', about: 'a login code', kind: 'code', route: EXPLAINED.steps }] };

function answers({ url }) {
    if (url.startsWith('/meshcentral/health')) return [200, HEALTH];
    if (url.startsWith('/meshcentral/lookup')) return [200, RECORD];
    if (url.startsWith('/meshcentral/explain')) return [200, EXPLAINED];
    if (url.startsWith('/meshcentral/messages')) return [200, MESSAGES];
    return [429, { detail: 'Too many messages.' }];
}

async function world(t) {
    quiet(t);
    const backend = await new Backend().open();
    backend.answer = answers;
    t.after(() => backend.close());
    const here = mesh({ url: backend.url, token: TOKEN });
    started(here);
    const page = channel(here, here.admin);
    async function run(line) {
        const answered = once(page.ws, 'answered');
        page.say(line);
        await answered;
        const { action, tag, value } = page.ws.sent.pop();
        assert.deepEqual([action, tag], ['serverconsole', 't']);
        return value;
    }
    return { ...here, backend, page, run };
}

test('info', async (t) => {
    const { run } = await world(t);
    const text = await run('plugin enumbackend info');
    for (const part of [/MeshCentral 1\.1\.55/, /by enum-backend/, /ready, mode live/, /office \(url\): ok, in the default chain/, /branch \(twilio\): failing/, /spare \(plivo\): not usable/, /Keep an sms section/]) assert.match(text, part);
    assert.doesNotMatch(text, new RegExp(TOKEN));
});

test('info says what is wrong with the server', async (t) => {
    const { run, backend } = await world(t);
    backend.answer = () => [401, {}];
    assert.match(await run('plugin enumbackend info'), /! enum-backend does not accept the token/);
});

test('lookup takes a number as it is typed', async (t) => {
    const { run, backend } = await world(t);
    const text = await run('plugin enumbackend lookup +1 415-555.0190');
    for (const part of [/trust: operator \(ours\)/, /voice: E2U\+sip sip:a@pbx\.example/, /sms: {3}branch to \+14155550190 \(no such gateway here\)/, /! enum:14155550190:0: ttl: is not a number/, /dns: {3}100 10 "u"/]) assert.match(text, part);
    assert.equal(backend.requests[0].url, '/meshcentral/lookup?phone=%2B1+415-555.0190');
});

test('explain takes a text too', async (t) => {
    const { run, backend } = await world(t);
    const text = await run('plugin enumbackend explain +1 415 5550190 "the gate is open"');
    for (const part of [/\+14155550190 -> \+14155550191, a login code/, /chain: branch, office/, /cost 0\.01 USD/, /\* record: it names branch/, / {2}prefix: none/, /! OPTED_OUT/]) assert.match(text, part);
    assert.equal(backend.requests[0].url, '/meshcentral/explain?phone=%2B1+415+5550190&message=the+gate+is+open');
    await run('plugin enumbackend explain +14155550190');
    assert.equal(backend.requests[1].url, '/meshcentral/explain?phone=%2B14155550190');
});

test('what is not there is said', async (t) => {
    const { run, backend, server } = await world(t);
    backend.answer = ({ url }) => [200, url.startsWith('/meshcentral/lookup')
        ? { ...RECORD, sms: null, voice: [{ service: 'E2U+sip', uri: null, regexp: '!^.*$!sip:x!' }] }
        : url.startsWith('/meshcentral/explain') ? { ...EXPLAINED, estimated_cost: null, chain: [] }
            : url.startsWith('/meshcentral/health') ? { ...HEALTH, records: { source: 'rpc', ok: false }, gateways: [{ name: 'a', provider: 'p', usable: true, health: 'half_open' }, { name: 'b', provider: 'p', usable: true, health: 'odd' }] }
                : { messages: [{ ...MESSAGES.messages[0], reason: null, about: '' }], next: null }];
    assert.match(await run('plugin enumbackend lookup +14155550190'), /voice: E2U\+sip !\^.*\r\nsms: {3}nothing/);
    assert.match(await run('plugin enumbackend explain +14155550190'), /chain: nothing \(live\)\r\n.*cost unknown/);
    assert.match(await run('plugin enumbackend info'), /rpc \(cannot be read\)\r\n {2}a \(p\): being tried again\r\n {2}b \(p\): odd/);
    assert.match(await run('plugin enumbackend log sms'), /failed by office {2}code/);
    fs.unlinkSync(path.join(server.datapath, 'enumbackend.json'));
    assert.match(await run('plugin enumbackend info'), /server: not set, token not set/);
});

test('log sms holds what reached the server and what did not, newest first', async (t) => {
    const { run, server, backend } = await world(t);
    await new Promise((resolve) => { server.smsserver.sendSMS('+14155550177', 'code 123456', resolve); });
    const lines = (await run('plugin enumbackend log sms 5')).split('\r\n');
    assert.match(lines[0], /\+14\*{7}77 {2}not accepted: Too many messages\./);
    assert.match(lines[1], /\+14\*{7}90 {2}failed \(rejected\) by office {2}a login code/);
    assert.match(lines[2], /record: it names branch/);
    assert.equal(backend.requests[1].url, '/meshcentral/messages?limit=5');
    assert.match(await run('plugin enumbackend log sms many'), /COUNT: expected/);
    backend.answer = () => [500, ''];
    assert.match(await run('plugin enumbackend log sms 1'), /not accepted: Too many messages\.\r\n! .*status 500/);
});

test('errors of the server are the answer; anything else is help', async (t) => {
    const { run, backend } = await world(t);
    backend.answer = () => [404, { detail: 'There is no record for +14155550190.' }];
    assert.equal(await run('plugin enumbackend lookup +14155550190'), 'Failed: There is no record for +14*******90.');
    for (const line of ['plugin enumbackend', 'PLUGIN EnumBackend help', 'plugin enumbackend lookup', 'plugin enumbackend explain', 'plugin enumbackend log', 'plugin enumbackend nonsense']) assert.match(await run(line), /plugin enumbackend info/, line);
});

test('the rest of the control channel is MeshCentral\'s', async (t) => {
    const { page, handler } = await world(t);
    for (const line of ['info', 'plugin other info', 'plugin enumbackendx', 'sms "+14155550101" "plugin enumbackend"']) page.say(line);
    page.ws.emit('message', Buffer.from('{"action":"serverconsole"}'));
    page.ws.emit('message', Buffer.from('{"action":"nodes","note":"serverconsole"}'));
    assert.equal(page.seen.length, 6);
    delete handler.plugins.enumbackend;
    page.say('plugin enumbackend info');
    assert.equal(page.seen.length, 7);
    assert.deepEqual(page.ws.sent, []);
});

test('what is no command goes on to MeshCentral as it came', (t) => {
    quiet(t);
    const here = mesh(null);
    started(here);
    const { ws } = channel(here, here.admin);
    ws.removeAllListeners('message');
    const seen = [];
    ws.on('message', (message) => seen.push(message));
    const raw = ['serverconsole {', Buffer.alloc(10000, 's'), 'null // serverconsole', '"serverconsole"', ''];
    for (const message of raw) ws.emit('message', message);
    assert.deepEqual(seen, raw);
});

test('only full administrators of this moment, with their own login, where the console is shown', async (t) => {
    const here = await world(t);
    const pages = [
        channel(here, here.user),
        channel(here, here.admin, { session: { loginToken: 'x' } }),
        channel(here, here.admin, { session: {} }, { myserver: false }),
        channel(here, here.admin, { session: {} }, { myserver: { console: false } }),
        channel(here, { _id: 'user//gone', siteadmin: 0xFFFFFFFF })
    ];
    for (const page of pages) page.say('plugin enumbackend info');
    here.admin.siteadmin = 2;
    here.page.say('plugin enumbackend info');
    here.admin.siteadmin = 0xFFFFFFFF;
    assert.match(await here.run('plugin enumbackend info'), /mode live/);
    for (const page of pages.concat(here.page)) assert.deepEqual(page.ws.sent, []);
    assert.equal(here.backend.requests.length, 1);
});

test('quotes hold words together', () => {
    assert.deepEqual(words('a "b c"  \'d e\' f"g'), ['a', 'b c', 'd e', 'f"g']);
});
