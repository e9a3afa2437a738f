// SPDX-License-Identifier: LicenseRef-z360-proprietary
// @parse/node-apn pushes to the simulated APNs: taken or refused as Apple's table says.
import apn from '@parse/node-apn';
import { appleKey, Judge, startSimulator } from './simulator.mjs';

const sim = await startSimulator(process.argv[2]);
const judge = new Judge();
const voipToken = 'a1'.repeat(32);
const alertToken = 'b2'.repeat(32);
const deadToken = 'c3'.repeat(32);

const provider = (port, key = sim.keys.apple, more = {}) => new apn.Provider({
    token: { key: Buffer.from(key), keyId: 'KEY1234567', teamId: 'TEAM123456', ...more },
    address: 'localhost', port, ca: [Buffer.from(sim.ca)], requestTimeout: 5000,
});
const note = (more = {}) => {
    const n = new apn.Notification();
    n.topic = 'com.example.voip.voip';
    n.pushType = 'voip';
    n.priority = 10;
    n.expiry = 0;
    n.payload = { type: 'incoming_call' };
    return Object.assign(n, more);
};
const alert = (more = {}) => note({ topic: 'com.example.voip', pushType: 'alert', alert: { title: 'Missed call', body: 'Ada' }, ...more });

async function taken(what, p, n, token) {
    const r = await p.send(n, token);
    judge.expect(what, r.sent.length === 1 && r.failed.length === 0, r);
}
async function refused(what, p, n, token, status, reason) {
    const r = await p.send(n, token);
    const f = r.failed[0] ?? {};
    const said = f.response?.reason ?? f.error?.message;
    judge.expect(what, r.failed.length === 1 && Number(f.status) === status && said === reason, r);
    return f;
}

try {
    await sim.token('apns', voipToken, { topic: 'com.example.voip.voip' });
    await sim.token('apns', alertToken, { topic: 'com.example.voip' });
    await sim.token('apns', deadToken, { topic: 'com.example.voip.voip', state: 'unregistered', dead_since_ms: 1780000000000 });
    const p = provider(sim.ports.apns);

    await taken('a VoIP push', p, note(), voipToken);
    await taken('an alert', p, alert(), alertToken);
    const silent = new apn.Notification();
    Object.assign(silent, { topic: 'com.example.voip', pushType: 'background', priority: 5, contentAvailable: true, payload: { type: 'push_token_required' } });
    await taken('a background push', p, silent, alertToken);
    const seen = await sim.pushes('apns');
    judge.expect('they came on one connection', new Set(seen.map((s) => s.connection)).size === 1, seen.map((s) => s.connection));
    judge.expect('what came is what was sent', seen[0].expiration === '0' && seen[0].notes.length === 0 && seen[1].topic === 'com.example.voip' && seen[1].body.aps.alert.title === 'Missed call' &&
        seen[1].notes.length === 0 && seen[2].push_type === 'background' && seen[2].notes.length === 0, seen);

    await refused('priority 10 in the background', p, Object.assign(Object.create(Object.getPrototypeOf(silent), Object.getOwnPropertyDescriptors(silent)), { priority: 10 }), alertToken, 400, 'BadPriority');
    await refused('a token nobody has', p, note(), 'dd'.repeat(32), 400, 'BadDeviceToken');
    await refused('a token of another topic', p, note(), alertToken, 400, 'DeviceTokenNotForTopic');
    await refused('a topic of somebody else', p, note({ topic: 'com.example.other.voip' }), voipToken, 400, 'TopicDisallowed');
    await refused('no topic', p, note({ topic: undefined }), voipToken, 400, 'MissingTopic');
    await refused('a long collapse id', p, note({ collapseId: 'x'.repeat(65) }), voipToken, 400, 'BadCollapseId');
    await refused('an id that is none', p, note({ id: 'seventeen' }), voipToken, 400, 'BadMessageId');
    await refused('an unknown push type', p, note({ pushType: 'call' }), voipToken, 400, 'InvalidPushType');
    await refused('a large alert', p, alert({ payload: { p: 'x'.repeat(4096) } }), alertToken, 413, 'PayloadTooLarge');
    await taken('a VoIP push of the same size', p, note({ payload: { p: 'x'.repeat(4096) } }), voipToken);
    const dead = await refused('a dead token', p, note(), deadToken, 410, 'Unregistered');
    judge.expect('… tells since when', dead.response?.timestamp === 1780000000000, dead);

    const sandbox = provider(sim.ports.sandbox);
    await refused('a token of the other environment', sandbox, note(), voipToken, 400, 'BadDeviceToken');
    sandbox.shutdown();
    const forger = provider(sim.ports.apns, appleKey());
    await refused('a forged provider token', forger, note(), voipToken, 403, 'InvalidProviderToken');
    forger.shutdown();
    const stranger = provider(sim.ports.apns, sim.keys.apple, { teamId: 'TEAM999999' });
    await refused('another team', stranger, note(), voipToken, 403, 'InvalidProviderToken');
    stranger.shutdown();

    const crowd = Array.from({ length: 300 }, () => voipToken);
    const many = await p.send(note(), crowd);
    judge.expect('300 at once on a connection that is trusted', many.sent.length === 300, many.failed.slice(0, 3));

    await sim.forget();
    await sim.fault({ provider: 'apns', status: 503, reason: 'ServiceUnavailable', times: 1 });
    await taken('503 once: the client tries again', p, note(), voipToken);
    judge.expect('… and was refused first', (await sim.pushes('apns')).map((s) => s.status).join() === '503,200', await sim.pushes('apns'));
    await sim.fault({ provider: 'apns', instead: 'goaway', reason: 'Shutdown', times: 1 });
    const cut = await p.send(note(), voipToken);
    await taken('after GOAWAY the client comes again', p, note(), voipToken);
    judge.expect('… on another connection', new Set((await sim.pushes('apns')).map((s) => s.connection)).size === 2, cut);
    await sim.fault({ provider: 'apns', instead: 'reset', times: 1 });
    const reset = await p.send(note(), voipToken);
    judge.expect('a stream that is reset fails', reset.failed.length === 1, reset);
    await sim.fault({ provider: 'apns', status: 429, reason: 'TooManyRequests' });
    await refused('429 each time', p, note(), voipToken, 429, 'TooManyRequests');
    p.shutdown();
} finally {
    await sim.stop();
}
process.exitCode = judge.finish(27);
