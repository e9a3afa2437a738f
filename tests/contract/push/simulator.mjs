// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Starts z360-sim with keys made for the run, and tells where it is; counts what was expected.
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const pem = (key) => key.export({ type: 'pkcs8', format: 'pem' });
export const appleKey = () => pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
export const googleKey = () => pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);

export async function startSimulator(program) {
    const folder = mkdtempSync(join(tmpdir(), 'z360-push-'));
    const keys = { apple: appleKey(), google: googleKey() };
    const account = {
        type: 'service_account', project_id: 'z360-example', private_key_id: 'abc', private_key: keys.google,
        client_email: 'push@z360-example.iam.gserviceaccount.com', token_uri: 'https://oauth2.googleapis.com/token',
    };
    const file = (name, text) => {
        const path = join(folder, name);
        writeFileSync(path, text, { mode: 0o600 });
        return path;
    };
    const ca = join(folder, 'ca.pem');
    const child = spawn(program, [
        '--listen', '127.0.0.1:0', '--push', '--push-ca-file', ca, '--apns-key-file', file('key.p8', keys.apple),
        '--apns-key-id', 'KEY1234567', '--apns-team-id', 'TEAM123456', '--apns-bundle-id', 'com.example.voip',
        '--fcm-account-file', file('account.json', JSON.stringify(account)),
    ], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const text = (await lines.next()).value + '\n' + (await lines.next()).value;
    const port = (pattern) => Number(text.match(pattern)[1]);
    const root = `http://127.0.0.1:${port(/Telnyx API at http:\/\/127\.0\.0\.1:(\d+)/)}/sim`;
    const ask = async (method, path, body) => {
        const answer = await fetch(root + path, {
            method, body: body && JSON.stringify(body), headers: body && { 'content-type': 'application/json' },
        });
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
        return answer.json();
    };
    return {
        keys, account, ca: readFileSync(ca, 'utf8'),
        ports: { apns: port(/APNs at https:\/\/[^:]+:(\d+)/), sandbox: port(/sandbox at https:\/\/[^:]+:(\d+)/),
                 fcm: port(/FCM at https:\/\/[^:]+:(\d+)/) },
        token: (provider, token, about) => ask('PUT', `/push-tokens/${provider}/${encodeURIComponent(token)}`, about),
        fault: async (...pushes) => { await ask('DELETE', '/faults'); if (pushes.length) await ask('POST', '/faults', { pushes }); },
        pushes: async (provider) => (await ask('GET', `/pushes?provider=${provider}`)).pushes,
        forget: () => ask('DELETE', '/pushes'),
        stop: async () => {
            const ended = new Promise((done) => child.once('exit', done));
            child.kill('SIGTERM');
            await ended;
            rmSync(folder, { recursive: true });
        },
    };
}

export class Judge {
    failures = 0;
    count = 0;
    expect(what, good, seen) {
        ++this.count;
        if (good) return;
        ++this.failures;
        console.log(`FAILED: ${what}: ${JSON.stringify(seen)}`);
    }
    /// At least so many: a check that was never reached is a failure, too.
    finish(least) {
        console.log(`${this.count} checks, ${this.failures} failed`);
        if (this.count < least) console.log(`FAILED: ${least} checks were expected`);
        return this.failures === 0 && this.count >= least ? 0 : 1;
    }
}
