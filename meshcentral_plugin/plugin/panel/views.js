// What the plugin's answers look like.
'use strict';

const GATEWAY_STATES = { closed: ['good', 'ok'], open: ['bad', 'failing'], half_open: ['warn', 'being tried'] };
const MESSAGE_STATES = { delivered: 'good', sent: 'good', failed: 'bad', undelivered: 'bad', expired: 'bad', unknown: 'warn' };
const SERVER_STATES = { ready: 'good', degraded: 'warn' };
const TRUST = { operator: 'good', attested: 'warn', untrusted: 'bad' };

function healthView(health) {
    const gateways = health.gateways.map((gateway) => {
        const [kind, word] = gateway.usable ? GATEWAY_STATES[gateway.health] || ['warn', gateway.health] : ['bad', 'not usable'];
        const place = health.default.indexOf(gateway.name);
        return [
            el('td', {}, el('strong', {}, gateway.name)),
            el('td', {}, gateway.provider),
            el('td', {}, pill(kind, word)),
            el('td', {}, place < 0 ? '' : String(place + 1))
        ];
    });
    return [
        facts([
            ['State', pill(SERVER_STATES[health.status] || 'bad', health.status)],
            ['Mode', health.mode === 'live' ? 'live' : pill('warn', health.mode + ': nothing is really sent')],
            ['Records', el('span', {}, health.records.source + ' ', health.records.ok ? '' : pill('bad', 'cannot be read'))],
            ['Version', health.version]
        ]),
        el('h3', {}, 'Gateways'),
        gateways.length ? table(['Gateway', 'Provider', 'State', 'Default'], gateways) : el('p', { class: 'muted' }, 'None is configured.')
    ];
}

function messagesView(messages, failures) {
    const rows = failures.map((entry) => ({ at: entry.at, cells: failureRow(entry) }))
        .concat(messages.map((message) => ({ at: message.created_at, cells: messageRow(message) })));
    if (!rows.length) return el('p', { class: 'muted' }, 'No messages yet.');
    rows.sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
    return table(['Time', 'To', 'What', 'Gateway', 'State'], rows.map((row) => row.cells));
}

function failureRow(entry) {
    const previous = entry.by === 'previous';
    return [
        el('td', { class: 'time' }, when(entry.at)),
        el('td', { class: 'number code' }, entry.to),
        el('td', {}, entry.by === 'test' ? 'a test message' : ''),
        el('td', {}, previous ? 'MeshCentral\'s own' : ''),
        el('td', {}, el('div', {}, pill(previous ? 'warn' : 'bad', previous ? 'left to own provider' : 'not accepted'), el('div', { class: 'muted' }, entry.error)))
    ];
}

function messageRow(message) {
    const why = message.reason ? message.reason.replace(/_/g, ' ') : '';
    const tried = message.attempts.map((attempt) => ({
        applied: true,
        rule: 'attempt ' + attempt.number,
        why: attempt.gateway + ': ' + [attempt.outcome, attempt.reason, attempt.detail].filter(Boolean).join(', ')
    }));
    return [
        el('td', { class: 'time' }, when(message.created_at)),
        el('td', { class: 'number code' }, message.destination),
        el('td', {}, message.about || message.kind),
        el('td', {}, message.gateway),
        el('td', {}, el('div', {},
            pill(MESSAGE_STATES[message.status] || '', message.status), why ? el('div', { class: 'muted' }, why) : null,
            el('details', {}, el('summary', {}, 'Why'), steps(message.route.concat(tried)), el('div', { class: 'muted code' }, message.message_id))))
    ];
}

function steps(items) {
    return el('ul', { class: 'steps' }, items.map((step) => el('li', { class: step.applied ? 'applied' : null }, el('strong', {}, step.rule), ': ' + step.why)));
}

function recordView(record) {
    const sms = record.sms;
    const problems = record.entries.flatMap((entry) => entry.problems.map((problem) => note('warn', entry.name + ': ' + problem.field + ': ' + problem.message)));
    return [
        facts([
            ['Number', record.number],
            ['Trust', el('span', {}, pill(TRUST[record.trust.level] || '', record.trust.level), ' ' + record.trust.reason)],
            ['SMS', sms ? el('span', {}, sms.gateway + (sms.number ? ' to ' + sms.number : '') + ' ', sms.configured ? '' : pill('warn', 'no such gateway here')) : 'nothing'],
            ['Voice', record.voice.length ? el('span', {}, record.voice.map((voice) => el('div', { class: 'code' }, voice.service + ' ' + (voice.uri || voice.regexp)))) : 'nothing'],
            ['DNS name', el('span', { class: 'code' }, record.e164_name)],
            ['DNS answer', record.naptr.length ? el('span', {}, record.naptr.map((name) => el('div', { class: 'code' }, name))) : 'nothing'],
            ['Source', record.source + ', TTL ' + record.ttl + ' s']
        ]),
        problems
    ];
}

function explainView(answer) {
    const cost = answer.estimated_cost ? answer.estimated_cost.amount + ' ' + answer.estimated_cost.currency : 'unknown';
    return [
        facts([
            ['Goes to', answer.destination],
            ['Through', answer.chain.join(', then ') || 'nothing'],
            ['Taken for', answer.about],
            ['Size', answer.segments + ' segment' + (answer.segments === 1 ? '' : 's') + ', ' + answer.encoding],
            ['Cost', cost]
        ]),
        answer.refusals.map((refusal) => note('bad', refusal.detail)),
        el('h3', {}, 'Why'),
        steps(answer.steps)
    ];
}
