# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Three small scenes of scripts/run, a few lines each: a group that rings one after the other, with its talk recorded; what
becomes of that recording; opening hours with a message left out of them. Made by the program's own commands, its API and the
simulated carrier, as a company would.

    python3 demo_scenes.py Z360-VOIPD API CARRIER RECORDINGS PLANTED CALLER NUMBER

RECORDINGS is the folder of the copies, PLANTED a file that gets every secret; CALLER calls, NUMBER is the company's first.
"""
import datetime
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

voipd, api, carrier, recordings, planted, caller, number = sys.argv[1:]
GROUP = number[:-1] + "1"
PATIENCE = 20.0


def say(text=""):
    print(text, flush=True)


def told(text):
    """What a command says, beside what is told here."""
    for line in text.rstrip().splitlines():
        say("    " + line)


def command(*arguments):
    done = subprocess.run([voipd, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"z360-voipd {' '.join(arguments)} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def rows(*arguments):
    """Of a command with --json: its rows."""
    return [json.loads(line) for line in command("--json", *arguments).splitlines() if line.startswith("{")]


def keep_secret(*secrets):
    old = os.umask(0o077)
    with open(planted, "a", encoding="utf-8") as out:
        out.writelines(s + "\n" for s in secrets if s)
    os.umask(old)


def send(method, url, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read() or b"null")
    except urllib.error.HTTPError as e:
        sys.exit(f"{method} {url}: {e.code} {e.read().decode(errors='replace')}")


def until(what, look):
    """The first answer of `look` that is one."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = look()
        if answer:
            return answer
        time.sleep(0.1)
    sys.exit(f"{what}: not within {PATIENCE:.0f} s")


def new_token(kind, *arguments):
    token = rows("--create-token", kind, "--org", org, "--name", "demo scenes", *arguments)[0]["token"]
    keep_secret(token)
    return {"Authorization": "Bearer " + token}


def truth(session):
    return send("GET", f"{carrier}/sim/truth?session={session}")


def call(to):
    leg = send("POST", carrier + "/sim/calls", {"from": caller, "to": to})
    return leg["call_control_id"], leg["call_session_id"]


def hang_up(leg, session):
    send("POST", f"{carrier}/sim/legs/{leg}/hangup", {})
    until("the call's end", lambda: truth(session)["alive_legs"] == 0)


def phone_of(person, uid, name):
    code = rows("--enroll-device", "--user", person, "--org", org)[0]["enrolment_code"]
    keep_secret(code)
    body = {"device_id": uid, "platform": "android", "device_name": name, "app_version": "1.0"}
    bearer = {"Authorization": "Bearer " + code}

    def named():
        nonlocal bearer
        reply = send("POST", api + "/api/device-tokens", body, **bearer)["data"]
        token, sip = reply.get("device_token"), reply.get("sip_credentials") or {}
        bearer = {"Authorization": "Bearer " + token} if token else bearer
        keep_secret(token, sip.get("sip_password"), sip.get("jwt_token"))
        return sip.get("sip_username")

    return until("an identity for " + name, named)


def group():
    say(f"1. A group: {GROUP} rings Ada's phones for 5 s, then Charles's. Its talks must be recorded.")
    command("--create-user", "charles@demo.example", "--org", org, "--name", "Charles Babbage")
    charles = next(m["user"] for m in rows("--list-members", "--org", org) if m["login"] == "charles@demo.example")
    sip = phone_of("charles@demo.example", "demo-fairphone", "Charles's Fairphone")
    send("PUT", f"{carrier}/sim/phones/{sip}", {"does": "answer", "after_ms": 700})
    plan = {"name": "Support", "strategy": "sequence", "step_seconds": 5, "ring_seconds": 10, "mailbox_user_id": ada,
            "members": [{"user_id": ada}, {"user_id": charles}]}
    send("PUT", f"{admin_url}/ring-plans/support", plan, **admin)
    send("PUT", f"{admin_url}/numbers/{GROUP}", {"ring_plan": "support", "alias": "Support", "recording": "mandatory"}, **admin)
    told(command("--explain-route", GROUP, "--from", caller))
    began = time.monotonic()
    leg, session = call(GROUP)
    until("a talk", lambda: truth(session)["bridges"])
    say(f"   {caller} calls: Ada does not answer; after {time.monotonic() - began:.1f} s Charles talks to them.")
    time.sleep(2)
    hang_up(leg, session)
    return session


def recording(session):
    one = until("a copy of the recording", lambda: next(
        (r for r in send("GET", f"{admin_url}/calls/{session}/recordings", **admin)["data"] if r["state"] == "ready"), None))
    copies = until("its file", lambda: [
        os.path.join(where, f) for where, _, names in os.walk(recordings) for f in names if not where.endswith(".incoming")])
    say(f"2. The talk was recorded, {one['duration_ms'] / 1000:.1f} s and {one['bytes'] / 1024:.0f} KB, and copied to "
        f"{os.path.relpath(copies[0])}")
    say(f"   {next(iter(one['recording_urls'].values())).split('?')[0]}?… plays it, for ten minutes, to whoever is given that address.")


def hours():
    say(f"3. Opening hours: today the company is closed, and {number} takes messages.")
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    send("PUT", f"{admin_url}/opening-hours", {
        "time_zone": "UTC", "week": {}, "special_days": [{"date": today, "name": "Demo day", "open": []}],
        "closed_greeting": "We are closed today."}, **admin)
    told(command("--explain-route", number, "--from", caller))
    leg, session = call(number)
    until("the tone after the greeting", lambda: any(c["verb"] == "record_start" for c in truth(session)["commands"]))
    time.sleep(2)
    hang_up(leg, session)
    person = {**new_token("service"), "X-Z360-User": str(ada)}
    message = until("the message", lambda: next(
        (m for m in send("GET", api + "/api/voip/voicemails", **person)["data"] if m["state"] == "ready"), None))
    say(f"   no phone rang; Ada has a message of {message['duration_ms'] / 1000:.1f} s from {message['from']} "
        f"({message.get('from_name') or 'nobody she knows'}), not heard yet.")
    send("DELETE", f"{admin_url}/opening-hours", **admin)
    say("   The opening hours are taken away again: from now on it rings.")


org = str(rows("--list-orgs")[0]["org"])
ada = next(m["user"] for m in rows("--list-members", "--org", org))
admin = new_token("admin")
admin_url = f"{api}/api/admin/organizations/{org}"
send("PUT", carrier + "/sim/default-phone", {"does": "ignore"})
recording(group())
hours()
