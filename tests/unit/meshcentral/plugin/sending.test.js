'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { test } = require('node:test');
const { Backend, TOKEN, mesh, ownProvider, quiet, sent, started } = require('./fakes.js');

const NUMBER = '+1 555-765.4321';
const CODE = 'MeshTest access token is: 048291';

async function world(t, { smsserver, answer, ...more } = {}) {
    const printed = quiet(t);
    const backend = await new Backend().open();
    t.after(() => backend.close());
    if (answer) backend.answer = answer;
    const found = mesh({ url: backend.url, token: TOKEN, timeout_seconds: 5, ...more }, smsserver);
    const plugin = started(found);
    return { ...found, backend, plugin, printed, send: (text, to) => sent(found.server.smsserver, to || NUMBER, text) };
}

/** Nothing that was logged or printed may hold a number or a code. */
function assertMasked({ server, printed }) {
    const all = server.logged.concat(printed).join('\n');
    assert.doesNotMatch(all, /048291|5557654321|555-765|765.4321/);
    return all;
}

test('a message is posted with the token, as typed', async (t) => {
    const here = await world(t);
    assert.deepEqual(await here.send(CODE), [true, null, { message_id: 'msg_1', status: 'queued' }]);
    const [request] = here.backend.requests;
    assert.equal(request.method, 'POST');
    assert.equal(request.url, '/meshcentral/sms');
    assert.equal(request.headers.authorization, 'Bearer ' + TOKEN);
    assert.equal(request.headers.connection, 'close');
    assert.deepEqual(JSON.parse(request.body), { phone: NUMBER, message: CODE });
    assert.match(assertMasked(here), /SMS to \+15\*{7}21 accepted as msg_1/);
});

test('logins and phone checks take the same way, and their numbers are not logged', async (t) => {
    const here = await world(t);
    const checked = new Promise((resolve) => { here.server.smsserver.sendPhoneCheck({}, NUMBER, '048291', 'en', resolve); });
    assert.equal(await checked, true);
    here.server.smsserver.sendToken({}, NUMBER, '048291', 'en');
    while (here.backend.requests.length < 2) await new Promise(setImmediate);
    assert.match(assertMasked(here), /Sending verification SMS to \+15\*{7}21/);
});

test('half of a surrogate pair does not stop a message', async (t) => {
    const here = await world(t);
    assert.equal((await here.send('broken \ud83d'))[0], true);
    assert.equal(JSON.parse(here.backend.requests[0].body).message, 'broken \ufffd');
});

test('what the server refuses is said in its words, masked', async (t) => {
    const cases = [
        [422, { detail: 'x', errors: [{ field: 'phone', message: '+15557654321 is too long' }] }, /^phone: \+15\*+21 is too long$/],
        [429, { detail: 'Too many messages.' }, /^Too many messages\.$/],
        [401, {}, /does not accept the token/],
        [404, 'nothing here', /There is no enum-backend at/],
        [301, '', /redirects \(301\)/],
        [500, '', /status 500/],
        [200, 'hello', /is not enum-backend/],
        [200, { success: true }, /is not enum-backend/]
    ];
    for (const [status, document, words] of cases) {
        const here = await world(t, { answer: () => [status, document] });
        const [success, error] = await here.send(CODE);
        assert.equal(success, false);
        assert.match(error, words);
        assertMasked(here);
        t.mock.reset();
    }
});

test('a server that never answers is given up, and that is said', async (t) => {
    const here = await world(t, { answer: () => null, timeout_seconds: 1 });
    const [success, error] = await here.send(CODE);
    assert.equal(success, false);
    assert.match(error, /did not answer within 1 s; the message may have been sent/);
});

test('a server that stops in the middle of its answer is an error, once', async (t) => {
    const here = await world(t, { answer: (_, response) => { response.writeHead(200, { 'Content-Length': 99 }); response.write('{'); response.destroy(); } });
    const results = [];
    here.server.smsserver.sendSMS(NUMBER, CODE, (...result) => results.push(result));
    while (!results.length) await new Promise(setImmediate);
    await here.send(CODE);
    assert.equal(results.length, 1);
    assert.match(results[0][1], /connection broke/);
});

test('an answer without end is not read to its end', async (t) => {
    const here = await world(t, { answer: (_, response) => { response.writeHead(200); const more = () => { while (!response.destroyed && response.write('x'.repeat(65536))); }; response.on('drain', more); more(); } });
    assert.match((await here.send(CODE))[1], /is not enum-backend/);
});

test('while nothing listens: a readable error, or the own provider where that is wanted', async (t) => {
    for (const fallback of [false, true]) {
        const own = ownProvider();
        const here = await world(t, { smsserver: own, fallback });
        await here.backend.close();
        const [success, error] = await here.send(CODE);
        assert.equal(success, fallback);
        if (!fallback) assert.match(error, /nothing listens there/);
        assert.equal(own.sent.length, fallback ? 1 : 0);
        assertMasked(here);
        here.backend.close = async () => null;
        t.mock.reset();
    }
});

test('what may have been sent is never sent a second time', async (t) => {
    const own = ownProvider();
    const here = await world(t, { smsserver: own, fallback: true, answer: (_, response) => { response.destroy(); } });
    const [success, error] = await here.send(CODE);
    assert.equal(success, false);
    assert.match(error, /may have been sent/);
    assert.deepEqual(own.sent, []);
});

test('a certificate that nobody vouches for is refused', async (t) => {
    quiet(t);
    const plain = net.createServer((socket) => socket.end('this is no TLS'));
    await new Promise((resolve) => { plain.listen(0, '127.0.0.1', resolve); });
    t.after(() => plain.close());
    const here = mesh({ url: 'https://127.0.0.1:' + plain.address().port, token: TOKEN, timeout_seconds: 5 });
    started(here);
    const [success, error] = await sent(here.server.smsserver, NUMBER, CODE);
    assert.equal(success, false);
    assert.match(error, /certificate is not accepted|connection broke/);
});

test('switched off, or disabled in MeshCentral: the own provider sends, and says its own words', async (t) => {
    const own = ownProvider();
    const here = await world(t, { smsserver: own, enabled: false });
    assert.deepEqual(await here.send(CODE), [true, null, null]);
    here.plugin = started(here);
    delete here.handler.plugins.enumbackend;
    own.sendSMS = (to, text, func) => func(false, 503, null);
    assert.deepEqual(await here.send(CODE), [false, 503, null]);
    own.sendSMS = () => { throw new URIError('URI malformed'); };
    assert.match((await here.send(CODE))[1], /own SMS provider failed: URI malformed/);
    assert.deepEqual(here.backend.requests, []);
});

test('disabled without an sms section: nothing is sent, and SMS logins are not switched off', async (t) => {
    const here = await world(t, { enabled: false });
    const [success, error] = await here.send(CODE);
    assert.equal(success, false);
    assert.match(error, /SMS is off/);
    assert.notEqual(here.server.smsserver, null);
});

test('not set up: MeshCentral stays as it was', async (t) => {
    quiet(t);
    const bare = mesh(null);
    started(bare);
    assert.equal(bare.server.smsserver, null);
    const own = ownProvider();
    const here = mesh(null, own);
    started(here);
    assert.deepEqual(await sent(here.server.smsserver, NUMBER, CODE), [true, null, null]);
    assert.equal(own.sent.length, 1);
});

test('installed again and again it sends each message once, by the newest', async (t) => {
    const here = await world(t, { smsserver: ownProvider() });
    const first = here.server.smsserver;
    started(here);
    started(here);
    assert.equal(here.server.smsserver, first);
    assert.equal((await here.send(CODE))[0], true);
    assert.equal(here.backend.requests.length, 1);
});

test('a result that MeshCentral chokes on takes nothing down', async (t) => {
    const here = await world(t);
    here.server.smsserver.sendSMS(NUMBER, CODE, () => { throw new Error('socket of +15557654321 is closed'); });
    here.server.smsserver.sendSMS(NUMBER, CODE);
    while (!here.printed.some((line) => line.includes('failed on the result'))) await new Promise(setImmediate);
    assertMasked(here);
});

test('administrators who are there are told of a login that failed, once a minute; others are not', async (t) => {
    const here = await world(t, { answer: () => [429, { detail: 'Too many messages.' }] });
    const told = { admin: [], user: [] };
    here.server.webserver.wssessions = {
        'user//admin': [{ send: () => { throw new Error('closed'); } }, { send: (text) => told.admin.push(JSON.parse(text)) }],
        'user//user': [{ send: (text) => told.user.push(text) }]
    };
    await here.send(CODE);
    await here.send(CODE);
    await here.send('words of an administrator, who sees the error anyway');
    assert.deepEqual(told.admin.map((notice) => [notice.type, notice.value]), [['notify', 'Too many messages.']]);
    assert.deepEqual(told.user, []);
});
