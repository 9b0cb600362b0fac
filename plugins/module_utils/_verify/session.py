# GNU General Public License v3.0 or later (see LICENSE)
"""A token for ten minutes and one harmless job per queue, both made by the application itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .report import Check

LIFETIME = 600
MARK = "fediverse.mastodon verify: "

# LocalNotificationWorker looks for its account first and returns quietly when there is none.
SCRIPT = """
require "json"
account = Account.find_by!(username: ARGV.fetch(0), domain: nil)
user = User.find_by!(account_id: account.id)
token = Doorkeeper::AccessToken.create!(resource_owner_id: user.id, scopes: "read write", expires_in: {lifetime})
jobs = ARGV.drop(1).to_h do |queue|
  [queue, Sidekiq::Client.push(
    "class" => "LocalNotificationWorker", "queue" => queue, "args" => [-1, -1, "Status"], "retry" => false
  )]
end
puts "{mark}" + JSON.generate("token" => token.token, "jobs" => jobs)
"""


@dataclass(frozen=True)
class Session:
    """What the application gave us."""

    token: str
    jobs: dict[str, str]


def command(user: str, extra: Mapping[str, str], username: str, queues: Sequence[str]) -> list[str]:
    """The whole command: as the release's owner, with nothing but what the application needs in its environment."""
    script = SCRIPT.replace("{lifetime}", str(LIFETIME)).replace("{mark}", MARK)
    # RAILS_LOG_LEVEL: its own log lines would stand between ours.
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        **extra,
        "RAILS_ENV": "production",
        "RAILS_LOG_LEVEL": "fatal",
    }
    settings = [f"{name}={value}" for name, value in sorted(environment.items())]
    return ["runuser", "-u", user, "--", "env", *settings, "bin/rails", "runner", script, username, *queues]


def parse(output: str) -> Session | None:
    """Finds our line among whatever else the application printed."""
    for line in output.splitlines():
        if line.startswith(MARK):
            data = json.loads(line[len(MARK) :])
            jobs = {str(queue): str(jid) for queue, jid in data["jobs"].items() if jid}
            return Session(str(data["token"]), jobs)
    return None


def judge(where: str, username: str, session: Session | None, code: int, errors: str) -> Check:
    """The line about it."""
    name = "the application starts"
    if session:
        return Check(name, where, True, f"a token for @{username}, {len(session.jobs)} jobs pushed")
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    reason = next((line for line in lines if "Error" in line or "NotFound" in line), lines[0] if lines else "no output")
    return Check(
        name,
        where,
        False,
        f"bin/rails runner ended with {code}: {reason[:200]}",
        "Run `tootctl accounts create` if the account is missing; else see the whole error with `tootctl version`.",
    )
