# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""What a sandbox holds, told three ways: FOLDER/sandbox.json, FOLDER/summary.txt, and on standard output as
environment variables for a shell.

    python3 sandbox_summary.py FOLDER API CARRIER SETTINGS COMMAND

SETTINGS is the server's settings file, COMMAND how z360-voipd is run with it.
"""
import json
import os
import shlex
import sys

folder, api, carrier, settings, command = sys.argv[1:]


def document(name):
    with open(os.path.join(folder, name), encoding="utf-8") as f:
        return json.load(f)


with open(os.path.join(folder, "codes.jsonl"), encoding="utf-8") as f:
    codes = [json.loads(line) for line in f if line.strip()]


def codes_of(user):
    return [c["enrolment_code"] for c in codes if c["user"] == user]


summary = {
    "environment": "sandbox",
    "api": api,
    "docs": f"{api}/api/docs",
    "openapi": f"{api}/api/openapi.json",
    "carrier": carrier,
    "settings": settings,
    "command": command,
    "service_token": document("service.json")["token"],
    "admin_token": document("admin.json")["token"],
    "organizations": [
        {"id": 1, "name": "Acme Plumbing", "numbers": ["+13125550100", "+13125550101"]},
        {"id": 2, "name": "Globex", "numbers": ["+13125550200"]},
    ],
    "users": [
        {"id": 1, "login": "ada@example.com", "organizations": [1, 2], "cookie": "session=ada-browser",
         "enrolment_codes": codes_of(1)},
        {"id": 2, "login": "bob@example.com", "organizations": [1], "cookie": "session=bob-browser",
         "enrolment_codes": codes_of(2)},
    ],
    "callers": [{"number": "+13125550142", "name": "Grace Hopper"}, {"number": "+13125550143", "name": "Alan Turing"}],
    "apple": {"client_id": "com.example.voip", "token_url": f"{carrier}/sim/apple/token"},
}
path = os.path.join(folder, "sandbox.json")
with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
    json.dump(summary, f, indent=2)
    f.write("\n")

ada, bob = summary["users"]
with open(os.open(os.path.join(folder, "summary.txt"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
          encoding="utf-8") as f:
    f.write(f"""
sandbox: nothing here is kept, no real call is possible

API              {api}          (rendered: {summary['docs']})
simulated phones {carrier}
service token    {summary['service_token']}
admin token      {summary['admin_token']}

organisation 1   Acme Plumbing   +13125550100 rings Ada, +13125550101 rings Bob
organisation 2   Globex          +13125550200 rings Ada
user 1           ada@example.com (1 and 2)   cookie session=ada-browser
user 2           bob@example.com (1)         cookie session=bob-browser
codes of Ada     {(chr(10) + ' ' * 17).join(ada['enrolment_codes'])}
codes of Bob     {(chr(10) + ' ' * 17).join(bob['enrolment_codes'])}

register a phone curl -H "Authorization: Bearer CODE" -H "Content-Type: application/json" \\
                      -d '{{"device_id":"my-phone","platform":"ios"}}' {api}/api/device-tokens
call it          curl -d '{{"from":"+13125550142","to":"+13125550100"}}' {carrier}/sim/calls
ask about calls  {command} --explain ada@example.com   (or --calls, or another of --help)

The same for programs: {path}. The guide: docs/clients.md. Ctrl-C ends it.
""")

variables = {
    "API": api,
    "CARRIER": carrier,
    "SUMMARY": path,
    "SETTINGS": settings,
    "SERVICE_TOKEN": summary["service_token"],
    "ADMIN_TOKEN": summary["admin_token"],
    "USER": 1,
    "USER_2": 2,
    "ORG": 1,
    "ORG_2": 2,
    "COOKIE": ada["cookie"],
    "COOKIE_2": bob["cookie"],
}
for person, names in ((ada, "CODE"), (bob, "BOB_CODE")):
    for number, code in enumerate(person["enrolment_codes"], 1):
        variables[names if number == 1 else f"{names}_{number}"] = code
for name, value in variables.items():
    print(f"export Z360_SANDBOX_{name}={shlex.quote(str(value))}")
