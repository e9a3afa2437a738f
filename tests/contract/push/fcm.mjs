// SPDX-License-Identifier: LicenseRef-z360-proprietary
// firebase-admin pushes to the simulated FCM, with an access token that google-auth-library got from the simulated
// token service: taken or refused as Google's table says. Both have Google's host names built in; what connects there
// is led to the simulator, with its authority.
import tls from 'node:tls';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { googleKey, Judge, startSimulator } from './simulator.mjs';

const sim = await startSimulator(process.argv[2]);
const judge = new Judge();
const google = new Set(['fcm.googleapis.com', 'oauth2.googleapis.com', 'www.googleapis.com', 'accounts.google.com']);
const connect = tls.connect;
tls.connect = (...args) => {
    const options = Object.assign({}, ...args.filter((a) => a !== null && typeof a === 'object'));
    if (typeof args[0] === 'number') options.port = args[0];
    if (typeof args[1] === 'string') options.host = args[1];
    const host = options.servername || options.host;
    if (!google.has(host)) throw new Error(`nobody may connect to ${host}`);
    const listener = args.find((a) => typeof a === 'function');
    return connect({ ...options, host: '127.0.0.1', port: sim.ports.fcm, servername: host, ca: sim.ca, lookup: undefined, path: undefined }, listener);
};
syncBuiltinESMExports();
const admin = createRequire(import.meta.url)('firebase-admin');

const live = 'cZ9:APA91bLiving';
const dead = 'cZ9:APA91bDead';
const foreign = 'cZ9:APA91bForeign';
let apps = 0;
const messaging = (key = sim.keys.google) => admin.initializeApp({
    credential: admin.credential.cert({ projectId: 'z360-example', clientEmail: sim.account.client_email, privateKey: key }),
}, `app-${++apps}`).messaging();
const call = (more = {}) => ({
    token: live, data: { type: 'incoming_call', call_uuid: '5b0a7c1e-2f43-4a6d-9c58-3de1f0a4b7c2' },
    android: { priority: 'high', ttl: 30_500, restrictedPackageName: 'com.example.voip' }, fcmOptions: { analyticsLabel: 'incoming_call' }, ...more,
});

async function taken(what, sending) {
    try {
        const name = await sending;
        judge.expect(what, /^projects\/z360-example\/messages\//.test(name), name);
        return name;
    } catch (e) {
        judge.expect(what, false, { code: e.code, message: e.message });
        return '';
    }
}
async function refused(what, code, sending) {
    try {
        judge.expect(what, false, await sending());
    } catch (e) {
        judge.expect(what, e.code === code, { code: e.code, message: e.message });
    }
}

try {
    await sim.token('fcm', live, { project_id: 'z360-example', package: 'com.example.voip' });
    await sim.token('fcm', dead, { project_id: 'z360-example', state: 'unregistered' });
    await sim.token('fcm', foreign, { project_id: 'another' });
    const m = messaging();

    const first = await taken('a call by HTTP/1.1', m.send(call()));
    judge.expect('… has a name of its own', first !== await taken('another call', m.send(call())), first);
    const each = await m.sendEach([call(), call(), call({ token: dead })]);
    judge.expect('three by HTTP/2, one of them to a dead token', each.successCount === 2 &&
        each.responses[2].error?.code === 'messaging/registration-token-not-registered', each);
    const seen = await sim.pushes('fcm');
    judge.expect('what came is what was sent', seen[0].priority === 'high' && seen[0].ttl === '30.500000000s' && seen[0].notes.length === 0 &&
        seen[0].body.message.android.restricted_package_name === 'com.example.voip', seen[0]);
    judge.expect('one access token for all of it', (await sim.pushes('google_token')).length === 1, await sim.pushes('google_token'));
    judge.expect('only validated', await taken('a dry run', m.send(call(), true)) === 'projects/z360-example/messages/fake_message_id');
    await taken('to a topic', m.send({ topic: 'news', data: { a: 'b' } }));
    await taken('to a condition', m.send({ condition: "'a' in topics", data: { a: 'b' } }));

    await refused('a dead token', 'messaging/registration-token-not-registered', () => m.send(call({ token: dead })));
    await refused('a token nobody has', 'messaging/invalid-argument', () => m.send(call({ token: 'never' })));
    await refused('a token of another project', 'messaging/mismatched-credential', () => m.send(call({ token: foreign })));
    await refused('too much data', 'messaging/invalid-argument', () => m.send(call({ data: { p: 'x'.repeat(4096) } })));
    await refused('another package', 'messaging/invalid-argument', () => m.send(call({ android: { restrictedPackageName: 'com.example.other' } })));
    await refused('a reserved name', 'messaging/invalid-argument', () => m.send(call({ data: { 'google.x': '1' } })));
    await refused('a bad label', 'messaging/invalid-argument', () => m.send(call({ apns: { fcmOptions: { analyticsLabel: 'with blank' } } })));

    for (const [fault, code] of [
        [{ status: 429, quota: 'device' }, 'messaging/message-rate-exceeded'],
        [{ status: 500 }, 'messaging/internal-error'],
        [{ status: 401, reason: 'THIRD_PARTY_AUTH_ERROR' }, 'messaging/third-party-auth-error'],
        [{ status: 403, reason: 'SENDER_ID_MISMATCH' }, 'messaging/mismatched-credential'],
        [{ status: 404 }, 'messaging/registration-token-not-registered'],
        [{ status: 400, reason: 'INVALID_TOKEN' }, 'messaging/invalid-argument'],
    ]) {
        await sim.fault({ provider: 'fcm', ...fault });
        await refused(`fault ${JSON.stringify(fault)}`, code, () => m.send(call()));
    }
    await sim.forget();
    await sim.fault({ provider: 'fcm', status: 503, retry_after_s: 0, times: 1 });
    await taken('503 once: the client tries again', m.send(call()));
    judge.expect('… and was refused first', (await sim.pushes('fcm')).map((s) => s.status).join() === '503,200', await sim.pushes('fcm'));
    await sim.fault({ provider: 'fcm', instead: 'drop', times: 1 });
    await taken('a lost connection: the client tries again', m.send(call()));
    await sim.fault();

    await refused('a key that is not the account\'s', 'app/invalid-credential', () => messaging(googleKey()).send(call()));
    const refusals = await sim.pushes('google_token');
    judge.expect('… its assertion was refused', refusals.at(-1)?.status === 400 && refusals.at(-1)?.reason === 'invalid_grant', refusals);
} finally {
    await Promise.all(admin.apps.map((a) => a.delete()));
    await sim.stop();
}
process.exitCode = judge.finish(28);
