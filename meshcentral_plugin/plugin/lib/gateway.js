// Puts the plugin in the place of MeshCentral's SMS server, which everything that sends an SMS
// asks for at that moment: logins, phone checks, administrators, the server console.
//
// The former SMS server is kept whole and is used while the plugin is disabled. Where there was
// none, ours stays even then: without one MeshCentral lets users whose only second factor is
// SMS log in with the password alone.
'use strict';

const path = require('path');
const { maskLog } = require('./masks.js');

const MARK = Symbol.for('enumbackend.smsserver');
const OFF = 'SMS is off: the plugin enumbackend is disabled, and config.json has no working sms section.';

/**
 * Replace `server.smsserver`; once, however often plugins are loaded again.
 * `owner` has isActive() and send(to, text, previous, done). Throws when MeshCentral's own
 * module cannot make an SMS server; nothing is changed then.
 */
function install(server, owner, createMeshSMS) {
    const present = server.smsserver;
    if (present && present[MARK]) {
        present[MARK].owner = owner;
        return present;
    }
    const create = createMeshSMS || findCreateMeshSMS();
    const made = create(view(server));
    if (!made || typeof made.sendPhoneCheck !== 'function' || typeof made.sendToken !== 'function') {
        throw new Error('MeshCentral\'s meshsms.js has changed');
    }
    const state = { owner, previous: present || null };
    made[MARK] = state;
    made.sendSMS = function (to, text, func) {
        const done = once(func);
        try {
            if (state.owner.isActive()) state.owner.send(to, text, state.previous, done);
            else sendByPrevious(state.previous, to, text, done);
        } catch (error) {
            done(false, 'The plugin enumbackend failed: ' + maskLog(error && error.message), null);
        }
    };
    server.smsserver = made;
    return made;
}

/** The SMS server MeshCentral had without us; null = none. */
function previousOf(server) {
    const state = server.smsserver && server.smsserver[MARK];
    return state ? state.previous : null;
}

function isInstalled(server) { return Boolean(server.smsserver && server.smsserver[MARK]); }

function sendByPrevious(previous, to, text, done) {
    if (previous === null) return done(false, OFF, null);
    try {
        return previous.sendSMS(to, text, done);
    } catch (error) {
        return done(false, 'MeshCentral\'s own SMS provider failed: ' + maskLog(error && error.message), null);
    }
}

/** MeshCentral's callback, called once, which takes nothing down with it. */
function once(func) {
    let called = false;
    return function (success, message, result) {
        if (called) return;
        called = true;
        if (typeof func !== 'function') return;
        try { func(success, message === undefined ? null : message, result === undefined ? null : result); } catch (error) {
            console.log('enumbackend: MeshCentral failed on the result of an SMS: ' + maskLog(error && error.message));
        }
    };
}

/** The server as MeshCentral's SMS module sees it: a provider that sends nothing, a log without numbers. */
function view(server) {
    return Object.assign(Object.create(server), {
        config: Object.assign(Object.create(server.config || null), { sms: { provider: 'url', url: 'console' } }),
        debug: function (source, ...words) {
            server.debug(source, ...words.map(function (word) { return typeof word === 'string' ? maskLog(word) : word; }));
        }
    });
}

/** meshsms.js of the MeshCentral that runs us. */
function findCreateMeshSMS() {
    const folders = require.main && require.main.filename ? [path.dirname(require.main.filename)] : [];
    for (const file of Object.keys(require.cache)) {
        if (path.basename(file) === 'pluginHandler.js') folders.push(path.dirname(file));
    }
    for (const folder of folders) {
        let found = null;
        try { found = require(path.join(folder, 'meshsms.js')); } catch (error) { continue; }
        if (typeof found.CreateMeshSMS === 'function') return found.CreateMeshSMS;
    }
    throw new Error('MeshCentral\'s meshsms.js is not found');
}

module.exports = { install, isInstalled, previousOf, sendByPrevious, OFF };
