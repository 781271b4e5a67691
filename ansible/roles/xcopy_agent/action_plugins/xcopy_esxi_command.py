"""Runs one command on an ESXi host over Ansible's own connection; the host needs no Python.

Beside ansible.builtin.raw it adds what a change to a host needs: an argument vector instead of a shell line, standard
input (a VIB, a certificate), and check mode, in which it says what it would do and does nothing.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

ARGUMENTS = {
    "argv": {"type": "list", "elements": "str", "required": True},
    "stdin": {"type": "str"},
    "stdin_file": {"type": "path"},  # of the machine Ansible runs on; need not be text
}


class ActionModule(ActionBase):
    """The action `xcopy_esxi_command`."""

    _requires_connection = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """Run the command, or say in check mode that it would be run."""
        result = super().run(tmp, task_vars)
        _unused, given = self.validate_argument_spec(
            ARGUMENTS, mutually_exclusive=[("stdin", "stdin_file")]
        )
        result["cmd"] = given["argv"]
        if self._task.check_mode:
            return result | {"changed": True, "rc": 0, "stdout": "", "stderr": "", "msg": "not done: check mode"}
        try:
            standard_input = _standard_input(given)
        except OSError as problem:
            return result | {"failed": True, "msg": str(problem)}
        try:
            ended = self._low_level_execute_command(
                shlex.join(given["argv"]), sudoable=False, in_data=standard_input
            )
        except AnsibleConnectionFailure as broken:
            raise AnsibleConnectionFailure(
                f"{broken} The connection failed at '{shlex.join(given['argv'])}', which may or may not have been done. "
                "If the host restarted, run the playbook again when it answers: it goes on where it was."
            ) from None
        result.update(rc=ended["rc"], stdout=ended["stdout"], stderr=ended["stderr"], changed=True)
        result["stdout_lines"] = ended["stdout"].splitlines()
        if ended["rc"] != 0:
            said = (ended["stdout"] + ended["stderr"]).strip()
            result.update(failed=True, msg=f"status {ended['rc']}: {said}")
        return result


def _standard_input(given):
    if given["stdin_file"]:
        return Path(given["stdin_file"]).read_bytes()
    return given["stdin"].encode() if given["stdin"] else None
