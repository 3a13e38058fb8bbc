// Elements are made, never parsed from text: whatever a record or a provider says stays text.
'use strict';

function el(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
        if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : value);
    }
    for (const child of children.flat(Infinity)) {
        if (child !== null && child !== undefined) element.append(child);
    }
    return element;
}

function byId(id) { return document.getElementById(id); }

function show(id, ...children) { byId(id).replaceChildren(...children.flat(Infinity).filter((child) => child !== null)); }

function note(kind, text) { return el('p', { class: 'note ' + kind, role: kind === 'bad' ? 'alert' : null }, text); }

function pill(kind, text) { return el('span', { class: 'pill ' + kind }, text); }

function facts(pairs) {
    return el('dl', {}, pairs.filter(Boolean).map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}

function table(names, rows) {
    return el('table', { class: 'stack' },
        el('thead', {}, el('tr', {}, names.map((name) => el('th', { scope: 'col' }, name)))),
        el('tbody', {}, rows.map((row) => el('tr', {}, row.map((cell, index) => {
            cell.setAttribute('data-name', names[index]);
            return cell;
        })))));
}

function when(text) {
    const at = new Date(text);
    const shown = at.toLocaleString(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' });
    return el('time', { datetime: text, title: text }, shown);
}

/** One action of the plugin; throws an Error whose message can be shown. */
async function ask(action, values) {
    const token = document.querySelector('meta[name=page-token]').content;
    let response;
    try {
        response = await fetch(location.pathname + '?pin=enumbackend', {
            method: 'POST', credentials: 'same-origin', headers: { 'X-EnumBackend-Page': token },
            body: new URLSearchParams(Object.assign({ do: action }, values))
        });
    } catch (error) { throw new Error('MeshCentral does not answer.'); }
    let answer;
    try { answer = await response.json(); } catch (error) { throw new Error('MeshCentral answered with status ' + response.status + '; log in again.'); }
    if (!answer.ok) throw new Error(answer.error);
    return answer.data;
}
