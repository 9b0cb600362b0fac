# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of playbooks/verify.yml have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """Read by ansible-doc."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Asks in check mode too. What would write for a moment (token, post, picture) is left out there.
    support: partial
    details:
      - See the description.
  diff_mode:
    description: There is nothing to compare.
    support: none
  idempotent:
    description: Leaves nothing behind, so it never reports a change.
    support: full
  platform:
    description: Where it runs.
    support: full
    platforms: linux
author:
  - The fediverse.mastodon contributors (@fediverse)
"""
