// Who may use the panel and the console commands: full site administrators, asked anew each time.
'use strict';

const crypto = require('crypto');

const FULL = 0xFFFFFFFF;
const key = crypto.randomBytes(32);

/** Whether a user of MeshCentral has every right on the site, now. */
function isFullAdmin(webserver, user) {
    if (!user || typeof user._id !== 'string') return false;
    const known = webserver && webserver.users ? webserver.users[user._id] : null;
    return Boolean(known) && known.siteadmin === FULL;
}

/** Whether a domain shows its administrators the server, or one part of it. */
function showsServer(domain, part) {
    const shown = domain ? domain.myserver : undefined;
    if (shown === undefined || shown === null || shown === true) return true;
    return shown !== false && (part === undefined || shown[part] === true);
}

/** A login token made by a user skips the second factor: MeshCentral keeps it from server matters. */
function isLoginToken(req) {
    return Boolean(req && req.session && req.session.loginToken != null);
}

/** What a page must send along with a request, so that no other page can make one. */
function pageToken(user, req) {
    const session = (req && req.session && req.session.x) || '';
    return crypto.createHmac('sha256', key).update(JSON.stringify([user._id, session])).digest('base64url');
}

/** Whether a request comes from our own page of this login. */
function isFromOurPage(user, req) {
    const headers = req.headers || {};
    const site = headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin') return false;
    const given = Buffer.from(String(headers['x-enumbackend-page'] || ''));
    const wanted = Buffer.from(pageToken(user, req));
    return given.length === wanted.length && crypto.timingSafeEqual(given, wanted);
}

module.exports = { isFullAdmin, showsServer, isLoginToken, pageToken, isFromOurPage };
