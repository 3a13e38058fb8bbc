// The page: asks, shows, sends.
'use strict';

const FINAL = ['delivered', 'sent', 'failed', 'undelivered', 'expired', 'canceled', 'unknown'];
const BADGES = { ours: ['good', 'SMS by enum-backend'], previous: ['warn', 'SMS by own provider'], off: ['bad', 'SMS off'], unset: ['bad', 'Not set up'], broken: ['bad', 'Not in use'] };
let failures = [];
let seen = [];

/** MeshCentral's own day and night switch, else the system's. */
function dress() {
    let chosen = '0';
    try { chosen = localStorage.getItem('nightMode') || '0'; } catch (error) { /* no storage: the system's */ }
    const dark = chosen === '1' || (chosen === '0' && matchMedia('(prefers-color-scheme: dark)').matches);
    document.documentElement.classList.toggle('dark', dark);
}

function showOverview(answer) {
    const info = answer.info;
    failures = answer.failures;
    const [kind, words] = BADGES[info.state] || ['warn', info.state];
    byId('badge').className = 'badge ' + kind;
    byId('badge').textContent = words;
    byId('subtitle').textContent = info.url || 'Enter address and token under Settings';
    show('problems', info.problems.map((problem) => note('warn', problem)));
    byId('footer').textContent = 'Plugin ' + info.version + ' · MeshCentral ' + info.meshcentral + ' · node ' + info.node + ' · since the start ' + info.accepted + ' accepted, ' + info.failed + ' failed';
    byId('set-url').value = info.url;
    byId('set-token').value = '';
    byId('set-token').placeholder = info.has_token ? 'leave empty to keep it' : '';
    byId('token-state').textContent = info.has_token ? '(set, not shown)' : '(not set)';
    byId('set-timeout').value = info.timeout_seconds;
    byId('set-enabled').checked = info.enabled;
    byId('set-fallback').checked = info.fallback;
}

async function loadHealth() {
    try {
        const health = await ask('health');
        show('health', healthView(health));
    } catch (error) { show('health', note('bad', error.message)); }
}

async function loadMessages(before) {
    try {
        const answer = await ask('messages', before ? { before } : {});
        seen = before ? seen.concat(answer.messages) : answer.messages;
        show('messages', messagesView(seen, failures));
        byId('more').hidden = !answer.next;
        byId('more').dataset.before = answer.next || '';
    } catch (error) {
        show('messages', note('bad', error.message), failures.length ? messagesView([], failures) : null);
        byId('more').hidden = true;
    }
}

async function refresh() {
    try { showOverview(await ask('overview')); } catch (error) { show('problems', note('bad', error.message)); return; }
    await Promise.all([loadHealth(), loadMessages()]);
}

/** Run what a form does, once at a time; its errors stand below it. */
function onSubmit(id, result, work) {
    const form = byId(id);
    form.addEventListener('submit', async (event) => {
        event.preventDefault();
        const buttons = [...form.querySelectorAll('button')];
        buttons.forEach((button) => { button.disabled = true; });
        show(result, el('p', { class: 'muted' }, 'One moment.'));
        try { await work(form, event.submitter); } catch (error) { show(result, note('bad', error.message)); }
        buttons.forEach((button) => { button.disabled = false; });
    });
}

/** What became of a message, until that is settled. */
async function follow(messageId) {
    for (let wait = 300, tries = 0; tries < 12; tries += 1, wait = Math.min(wait * 1.5, 3000)) {
        await loadMessages();
        const message = seen.find((item) => item.message_id === messageId);
        if (message && FINAL.includes(message.status)) {
            const bad = MESSAGE_STATES[message.status] !== 'good';
            const why = message.reason ? ' (' + message.reason.replace(/_/g, ' ') + ')' : '';
            return note(bad ? 'bad' : 'good', 'Message ' + message.status + why + ' by ' + message.gateway + '.');
        }
        await new Promise((resolve) => { setTimeout(resolve, wait); });
    }
    return note('warn', 'Accepted; it is still on its way. The list below shows what becomes of it.');
}

onSubmit('send-form', 'send-result', async () => {
    try {
        const answer = await ask('send', { phone: byId('send-phone').value, text: byId('send-text').value });
        show('send-result', note('good', 'Accepted as ' + answer.message_id + '.'));
        show('send-result', await follow(answer.message_id));
    } finally {
        ask('overview').then((answer) => { failures = answer.failures; return loadMessages(); }).catch(() => null);
    }
});

onSubmit('lookup-form', 'lookup-result', async (form, button) => {
    const what = button && button.value === 'explain' ? 'explain' : 'lookup';
    const answer = await ask(what, { phone: byId('lookup-phone').value });
    show('lookup-result', what === 'explain' ? explainView(answer) : recordView(answer));
});

onSubmit('settings-form', 'settings-result', async () => {
    showOverview(await ask('save', {
        url: byId('set-url').value, token: byId('set-token').value, timeout_seconds: byId('set-timeout').value,
        enabled: String(byId('set-enabled').checked), fallback: String(byId('set-fallback').checked)
    }));
    show('settings-result', note('good', 'Saved.'));
    await Promise.all([loadHealth(), loadMessages()]);
});

byId('refresh').addEventListener('click', refresh);
byId('more').addEventListener('click', () => loadMessages(byId('more').dataset.before));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', dress);
window.addEventListener('storage', dress);
dress();
refresh();
