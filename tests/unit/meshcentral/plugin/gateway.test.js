'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { PLUGIN, createMeshSMS, folder, mesh, ownProvider, quiet, sent } = require('./fakes.js');
const gateway = require(path.join(PLUGIN, 'lib/gateway.js'));

const NUMBER = '+15557654321';
const ACTIVE = { isActive: () => true, send: (to, text, previous, done) => done(true, null, null) };

test('a meshsms.js of another shape changes nothing', () => {
    for (const made of [null, {}, { sendPhoneCheck: () => null }]) {
        const own = ownProvider();
        const { server } = mesh(null, own);
        assert.throws(() => gateway.install(server, ACTIVE, () => made), /has changed/);
        assert.equal(server.smsserver, own);
        assert.equal(gateway.isInstalled(server), false);
        assert.equal(gateway.previousOf(server), null);
    }
});

test('without a meshsms.js it says so', () => {
    const { server } = mesh(null);
    assert.throws(() => gateway.install(server, ACTIVE), /meshsms\.js is not found/);
    assert.equal(server.smsserver, null);
});

test('it is found beside the pluginHandler.js that runs us', (t) => {
    const place = folder();
    fs.writeFileSync(path.join(place, 'pluginHandler.js'), '');
    fs.writeFileSync(path.join(place, 'meshsms.js'), 'module.exports.CreateMeshSMS = () => ({ sendPhoneCheck() {}, sendToken() {}, here: true });');
    require(path.join(place, 'pluginHandler.js'));
    t.after(() => { delete require.cache[path.join(place, 'pluginHandler.js')]; });
    const { server } = mesh(null);
    gateway.install(server, ACTIVE);
    assert.equal(server.smsserver.here, true);
});

test('a fault of ours is an error of the message', async () => {
    const { server } = mesh(null);
    gateway.install(server, { isActive: () => true, send: () => { throw new Error('broke on ' + NUMBER); } }, createMeshSMS);
    assert.deepEqual(await sent(server.smsserver, NUMBER, 'x'), [false, 'The plugin enumbackend failed: broke on +15*******21', null]);
});

test('a provider that calls back twice is heard once', async (t) => {
    quiet(t);
    const own = { sendSMS: (to, text, func) => { func(true); func(false, 'broken body'); } };
    const { server } = mesh(null, own);
    gateway.install(server, { isActive: () => false }, createMeshSMS);
    const results = [];
    server.smsserver.sendSMS(NUMBER, 'x', (...result) => results.push(result));
    assert.deepEqual(results, [[true, null, null]]);
});

test('MeshCentral\'s own module sees a server that sends nothing and logs no number', () => {
    const { server } = mesh(null);
    let seen = null;
    gateway.install(server, ACTIVE, (parent) => { seen = parent; return createMeshSMS(parent); });
    assert.deepEqual(seen.config.sms, { provider: 'url', url: 'console' });
    assert.equal(seen.config.domains, server.config.domains);
    assert.equal(seen.datapath, server.datapath);
    assert.equal(server.config.sms, undefined);
    seen.debug('email', 'to ' + NUMBER, 7);
    assert.deepEqual(server.logged, ['email to +15*******21 7']);
});
