import time

import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.secrets import Secrets, find
from kto_data.labelers.rules.row import Row

# Put together here, so that no scanner takes this file for a leak.
RANDOM = "q7Rt2Lm9Xc4Vb8Nz1Kp6Wd3Hs5Jf0Gy7Ua2E"
SECRETS = {
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEowIBAAKCAQEAq7Rt2Lm9Xc4Vb8Nz1K",
    "AWS access key": "AKIA" + "Q7RT2LM5XC4VB6NZ",
    "GitHub token": "ghp_" + RANDOM,
    "GitLab token": "glpat-" + RANDOM[:20],
    "Slack token": "xoxb-" + "1234567890-" + RANDOM[:24],
    "Stripe key": "sk_live_" + RANDOM[:24],
    "Anthropic key": "sk-ant-api03-" + RANDOM,
    "OpenAI key": "sk-proj-" + RANDOM,
    "Hugging Face token": "hf_" + RANDOM[:34],
    "Google API key": "AIza" + RANDOM[:35],
    "npm token": "npm_" + RANDOM,
    "SendGrid key": "SG." + RANDOM[:22] + "." + RANDOM + "abcdefg",
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0." + RANDOM,
    "password in an address": "q7Rt2Lm9",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_each_kind_is_found_by_its_form(kind):
    text = f"Use {SECRETS[kind]} for it."
    if kind == "password in an address":
        text = f"postgres://ana:{SECRETS[kind]}@db.corp.io/x"
    ((found, start, _),) = find(text)
    assert found == kind
    assert text[start:].startswith(SECRETS[kind])


@pytest.mark.parametrize(
    ("text", "n"),
    [
        (f'api_key = "{RANDOM}"', 1),
        (f"AWS_SECRET_ACCESS_KEY={RANDOM}", 1),
        (f"Authorization: token: {RANDOM}", 1),
        (f"Authorization: Bearer {RANDOM}", 1),
        ("postgres://user:password@localhost/db", 0),
        (f'{{"password": "{RANDOM[:12]}"}}', 1),
        ('api_key = "your-api-key-here-123"', 0),
        ('password = "password123"', 0),
        ("token = os.environ['API_TOKEN_2']", 0),
        ("api_key: <YOUR_KEY_1>", 0),
        ("secret = get_secret(name2)", 0),
        ("password: xxxxxxxxxxxx", 0),
        ("The password must have 8 characters.", 0),
        ("AKIA" + "IOSFODNN7EXAMPLE", 0),
        ("sk-" + "x" * 40, 0),
        (f"commit {RANDOM}", 0),
        ("", 0),
    ],
)
def test_a_value_counts_by_its_name_if_it_is_random(text, n):
    assert len(find(text)) == n


def test_the_evidence_never_is_the_secret_and_what_the_user_gave_does_not_count():
    token = SECRETS["GitHub token"]
    row = Row(prompt=[{"role": "user", "content": f"My token is {token}"}])
    found = Secrets().decide(f"Use {token}", Context(row))
    assert (found.holds, found.evidence) == (True, "GitHub token")
    assert not Secrets(not_in="prompt").decide(f"Use {token}", Context(row)).holds
    assert not Secrets(named=False).decide(f"password={RANDOM}", Context()).holds


@pytest.mark.parametrize(
    "text", ["password=" * 60_000, "eyJ" * 200_000, "-----BEGIN " * 50_000, "a" * 1_000_000]
)
def test_hostile_text_is_read_in_time(text):
    start = time.monotonic()
    Secrets().decide(text, Context())
    assert time.monotonic() - start < 5
