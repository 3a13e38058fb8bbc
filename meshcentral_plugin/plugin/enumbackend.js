// MeshCentral's plugin enumbackend: SMS through enum-backend.
// Each hook catches what it meets: a fault of ours must never end MeshCentral.
'use strict';

const fs = require('fs');
const path = require('path');
const { Client } = require('./lib/client.js');
const commands = require('./lib/commands.js');
const consoleHook = require('./lib/console.js');
const gateway = require('./lib/gateway.js');
const { Journal } = require('./lib/journal.js');
const { maskText } = require('./lib/masks.js');
const { Panel } = require('./lib/panel.js');
const { Sender } = require('./lib/sender.js');
const { SettingsFile, isClear } = require('./lib/settings.js');

const NAME = 'enumbackend';
const VERSION = versionOf(__dirname);

function versionOf(folder) {
    try { return String(JSON.parse(fs.readFileSync(path.join(folder, 'config.json'), 'utf8')).version); } catch (error) { return 'unknown'; }
}

function complain(where, error) {
    console.log(NAME + ': ' + where + ' failed: ' + maskText((error && error.stack) || error));
}

module.exports[NAME] = function (parent) {
    const server = parent.parent;
    const settings = new SettingsFile(server.datapath);
    const client = new Client(() => settings.current(), VERSION);
    const journal = new Journal();
    const sender = new Sender(server, settings, client, journal);
    const obj = { exports: [] };
    let hookProblem = '';

    /** Whether MeshCentral still has this plugin enabled: disabling one only forgets it. */
    function isActive() { return Boolean(parent.plugins) && parent.plugins[NAME] === obj; }

    /** Take SMS over: where MeshCentral has an SMS server, or we know where to send. */
    function takeOver() {
        const now = settings.current();
        if (!server.smsserver && (now.url === '' || now.token === '')) return;
        try {
            gateway.install(server, { isActive, send: (...given) => sender.send(...given) });
            hookProblem = '';
        } catch (error) {
            hookProblem = 'SMS cannot be taken over: ' + maskText(error && error.message);
            complain('taking SMS over', error);
        }
    }

    /** The state of the plugin, for console and panel; never the token. */
    function info() {
        const now = settings.current();
        const installed = versionOf(__dirname);
        const problems = [settings.problem, hookProblem];
        if (isClear(now.url)) problems.push('The address is http://: the token and codes cross the network in clear text.');
        if (installed !== VERSION) problems.push('Version ' + installed + ' is installed: restart MeshCentral to run it.');
        if (gateway.isInstalled(server) && gateway.previousOf(server) === null) {
            problems.push('config.json has no working sms section: should the plugin ever be removed or not load, users whose only second factor is SMS log in with the password alone. Keep an sms section as well.');
        }
        const state = stateOf(now);
        return {
            version: VERSION, meshcentral: String(server.currentVer || 'unknown'), node: process.version,
            url: now.url, has_token: now.token !== '', timeout_seconds: now.timeout_seconds,
            enabled: now.enabled, fallback: now.fallback, state, state_text: STATES[state],
            has_previous: gateway.isInstalled(server) ? gateway.previousOf(server) !== null : Boolean(server.smsserver),
            accepted: journal.accepted, failed: journal.failed, problems: problems.filter(Boolean)
        };
    }

    function stateOf(now) {
        if (!gateway.isInstalled(server)) return hookProblem ? 'broken' : 'unset';
        const previous = gateway.previousOf(server) !== null;
        if (!now.enabled) return previous ? 'previous' : 'off';
        if (now.url === '' || now.token === '') return previous ? 'previous' : 'unset';
        return 'ours';
    }

    const plugin = { server, settings, client, journal, info, takeOver };
    const panel = new Panel(plugin, path.join(__dirname, 'panel'));

    obj.server_startup = function () {
        takeOver();
        try { consoleHook.install(server, { isActive, run: (words) => commands.run(plugin, words) }); } catch (error) { complain('the console', error); }
    };
    obj.handleAdminReq = function (req, res, user) { panel.page(req, res, user); };
    obj.handleAdminPostReq = function (req, res, user) { panel.request(req, res, user); };
    return obj;
};

const STATES = {
    ours: 'by enum-backend',
    previous: 'by MeshCentral\'s own provider (the plugin is switched off or not set up)',
    off: 'off (the plugin is switched off, and config.json has no working sms section)',
    unset: 'off (address and token of enum-backend are not set)',
    broken: 'by MeshCentral alone'
};
