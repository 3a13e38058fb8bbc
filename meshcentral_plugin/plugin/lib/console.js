// `plugin enumbackend ...` in My Server > Console. MeshCentral has no hook for console commands,
// so each new control channel is listened to before MeshCentral does.
'use strict';

const { isFullAdmin, isLoginToken, showsServer } = require('./access.js');
const { maskText } = require('./masks.js');

const OURS = /^\s*plugin\s+enumbackend(?=\s|$)/i;
const MARK = Symbol.for('enumbackend.console');

/** `owner` has isActive() and run(words): a promise of text. */
function install(server, owner) {
    const handler = server.webserver && server.webserver.meshUserHandler;
    if (!handler || typeof handler.CreateMeshUser !== 'function') throw new Error('MeshCentral\'s meshuser.js has changed');
    if (handler[MARK]) {
        handler[MARK].owner = owner;
        return;
    }
    const state = { owner };
    const original = handler.CreateMeshUser;
    handler.CreateMeshUser = function (parent, db, ws, req, args, domain, user, ...more) {
        try { listen(server, state, ws, req, domain, user); } catch (error) { console.log('enumbackend: no console commands: ' + maskText(error && error.message)); }
        return original.call(this, parent, db, ws, req, args, domain, user, ...more);
    };
    handler[MARK] = state;
}

function listen(server, state, ws, req, domain, user) {
    const on = ws.on;
    ws.on = function (event, listener) {
        if (event !== 'message' || typeof listener !== 'function') return on.apply(this, arguments);
        return on.call(this, event, function (message, ...more) {
            let command = null;
            try { command = commandOf(message); } catch (error) { /* it is MeshCentral's */ }
            if (command === null || !state.owner.isActive()) return listener.call(this, message, ...more);
            if (!isFullAdmin(server.webserver, user) || isLoginToken(req) || !showsServer(domain, 'console')) return undefined;
            return answer(state.owner, ws, command);
        });
    };
}

/** Our command in a message of the control channel, else null. */
function commandOf(message) {
    if (message.length > 8192) return null;
    const text = message.toString('utf8');
    if (!text.includes('serverconsole')) return null;
    const command = JSON.parse(text);
    return command && command.action === 'serverconsole' && typeof command.value === 'string' && OURS.test(command.value) ? command : null;
}

async function answer(owner, ws, command) {
    let value;
    try { value = await owner.run(words(command.value).slice(2)); } catch (error) { value = 'Failed: ' + maskText(error && error.message); }
    try { ws.send(JSON.stringify({ action: 'serverconsole', value, tag: command.tag })); } catch (error) { /* the page is gone */ }
}

/** The words of a line; quotes hold some together. */
function words(line) {
    const found = [];
    const pattern = /"([^"]*)"|'([^']*)'|(\S+)/g;
    for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
        found.push(match[1] !== undefined ? match[1] : match[2] !== undefined ? match[2] : match[3]);
    }
    return found;
}

module.exports = { install, words };
