# SPDX-License-Identifier: ISC
"""A stand-in for rpcd: calls a program of /usr/libexec/rpcd as rpcd does."""
import json
import subprocess

# UBUS_STATUS_... of libubus
OK, INVALID_ARGUMENT, METHOD_NOT_FOUND, UNKNOWN_ERROR = 0, 2, 3, 9
MESSAGE_MAX = 1 << 20       # UBUS_MAX_MSGLEN


class Rpcd:
    """@argv: the program, perhaps with a command that enters its system"""

    def __init__(self, *argv):
        self.argv = argv
        self.methods = self._run("list")

    def _run(self, *words, stdin=""):
        done = subprocess.run([*self.argv, *words], input=stdin, text=True,
                              capture_output=True, timeout=60)
        assert done.stderr == "", done.stderr
        assert done.returncode == 0, done
        assert len(done.stdout) < MESSAGE_MAX
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict)
        return answer

    def call(self, method, **args):
        """Return: (status, answer). As in rpcd, arguments are checked against
        the types of the examples in the program's list, and passed in one
        line without an end, with the session's id."""
        types = self.methods.get(method)
        if types is None:
            return METHOD_NOT_FOUND, {}
        for name, value in args.items():
            if type(value) is not type(types.get(name)):
                return INVALID_ARGUMENT, {}
        line = json.dumps({"ubus_rpc_session": "0" * 32, **args},
                          ensure_ascii=False, separators=(",", ":"))
        return OK, self._run("call", method, stdin=line)
