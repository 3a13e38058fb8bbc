// The console commands: words in, text out.
'use strict';

const USAGE = [
    'plugin enumbackend info                   the plugin, its server and the gateways',
    'plugin enumbackend lookup NUMBER          what the record of a number says',
    'plugin enumbackend explain NUMBER [TEXT]  which way an SMS would take; without a text: a login code',
    'plugin enumbackend log sms [COUNT]        the last messages, where they went and why'
].join('\r\n');
const MOST = 100;

/** `plugin` has client, journal and info(). */
async function run(plugin, given) {
    const [name, ...words] = given;
    switch ((name || 'help').toLowerCase()) {
        case 'info': return info(plugin);
        case 'lookup': return words.length ? lookup(await plugin.client.lookup(words.join(' '))) : USAGE;
        case 'explain': return words.length ? explain(await plugin.client.explain(...numberAndText(words))) : USAGE;
        case 'log': return (words[0] || '').toLowerCase() === 'sms' ? log(plugin, words[1]) : USAGE;
        default: return USAGE;
    }
}

/** `+1 415 555 0101 some text`: the number goes on as long as words look like one. */
function numberAndText(words) {
    let count = 1;
    while (count < words.length && /^[-0-9.()]+$/.test(words[count]) && words[count].length < 8) count += 1;
    return [words.slice(0, count).join(' '), words.slice(count).join(' ')];
}

async function info(plugin) {
    const own = plugin.info();
    const lines = [
        'enumbackend ' + own.version + ', MeshCentral ' + own.meshcentral + ', node ' + own.node,
        'server: ' + (own.url || 'not set') + ', token ' + (own.has_token ? 'set' : 'not set') + ', time-out ' + own.timeout_seconds + ' s',
        'SMS: ' + own.state_text,
        'since the start: ' + own.accepted + ' accepted, ' + own.failed + ' failed'
    ].concat(own.problems.map(function (problem) { return '! ' + problem; }));
    if (!own.url || !own.has_token) return lines.join('\r\n');
    try {
        const health = await plugin.client.health();
        lines.push('enum-backend ' + health.version + ': ' + health.status + ', mode ' + health.mode + ', records from ' + health.records.source + (health.records.ok ? '' : ' (cannot be read)'));
        for (const gateway of health.gateways) {
            const usual = health.default.includes(gateway.name) ? ', in the default chain' : '';
            lines.push('  ' + gateway.name + ' (' + gateway.provider + '): ' + gatewayState(gateway) + usual);
        }
    } catch (error) {
        lines.push('! ' + error.message);
    }
    return lines.join('\r\n');
}

function gatewayState(gateway) {
    if (!gateway.usable) return 'not usable';
    return { closed: 'ok', open: 'failing', half_open: 'being tried again' }[gateway.health] || gateway.health;
}

function lookup(record) {
    const lines = [record.number + '  ' + record.e164_name, 'trust: ' + record.trust.level + ' (' + record.trust.reason + ')'];
    for (const voice of record.voice) lines.push('voice: ' + voice.service + ' ' + (voice.uri || voice.regexp));
    const sms = record.sms;
    lines.push(sms ? 'sms:   ' + sms.gateway + (sms.number ? ' to ' + sms.number : '') + (sms.configured ? '' : ' (no such gateway here)') : 'sms:   nothing');
    for (const entry of record.entries) {
        for (const problem of entry.problems) lines.push('! ' + entry.name + ': ' + problem.field + ': ' + problem.message);
    }
    for (const name of record.naptr) lines.push('dns:   ' + name);
    lines.push('ttl ' + record.ttl + ' s, from ' + record.source);
    return lines.join('\r\n');
}

function explain(answer) {
    const cost = answer.estimated_cost ? answer.estimated_cost.amount + ' ' + answer.estimated_cost.currency : 'unknown';
    const lines = [
        answer.number + ' -> ' + answer.destination + ', ' + answer.about,
        'chain: ' + (answer.chain.join(', ') || 'nothing') + ' (' + answer.mode + ')',
        answer.encoding + ', ' + answer.segments + ' segment(s), cost ' + cost
    ];
    for (const step of answer.steps) lines.push((step.applied ? '* ' : '  ') + step.rule + ': ' + step.why);
    for (const refusal of answer.refusals) lines.push('! ' + refusal.error_code + ': ' + refusal.detail);
    return lines.join('\r\n');
}

async function log(plugin, count) {
    const most = count === undefined ? 10 : Number(count);
    if (!Number.isInteger(most) || most < 1 || most > MOST) return 'COUNT: expected 1 to ' + MOST;
    const found = plugin.journal.failures().map(function (entry) {
        return { at: entry.at, lines: [entry.at + '  ' + entry.to + '  not accepted: ' + entry.error] };
    });
    let trouble = '';
    const answer = await plugin.client.messages(most).catch(function (error) { trouble = '! ' + error.message; return { messages: [] }; });
    for (const message of answer.messages) {
        const why = message.reason ? ' (' + message.reason + ')' : '';
        const line = message.created_at + '  ' + message.destination + '  ' + message.status + why + ' by ' + message.gateway + '  ' + (message.about || message.kind);
        found.push({ at: message.created_at, lines: [line].concat(message.route.filter((step) => step.applied).map((step) => '    ' + step.rule + ': ' + step.why)) });
    }
    found.sort(function (one, other) { return Date.parse(other.at) - Date.parse(one.at); });
    const lines = found.slice(0, most).flatMap((item) => item.lines).concat(trouble || []);
    return lines.join('\r\n') || 'no messages';
}

module.exports = { run, gatewayState };
