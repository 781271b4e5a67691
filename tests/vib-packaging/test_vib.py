"""Builds the VIB twice and reads it back; then damages it in every way that has broken somebody's installation before.

Usage: test_vib.py BUILD_SCRIPT AGENT_BINARY [unoptimised]: then the payload may be large
"""

import gzip
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import vib_rules

BUILD, BINARY = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
LARGEST = 100_000_000 if sys.argv[3:] == ["unoptimised"] else vib_rules.LARGEST_PAYLOAD


def build(directory, **environment):
    done = subprocess.run([BUILD, BINARY, directory], check=True, capture_output=True, text=True,
                          env={**os.environ, **environment})
    return [pathlib.Path(line) for line in done.stdout.split()]


class Vib(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.vib_file, cls.bundle_file = build(cls.directory.name, SOURCE_DATE_EPOCH="1767225600")
        cls.vib = cls.vib_file.read_bytes()
        cls.bundle = cls.bundle_file.read_bytes()

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def members(self):
        return vib_rules.ar_members(self.vib)

    def packed(self, members):
        out = b"!<arch>\n"
        for name, content in members:
            out += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name.encode(), 0, 0, 0, b"100644", len(content)) + content
            out += b"\n" if len(content) % 2 else b""
        return out

    def changed(self, before, after, member=0):
        """The VIB with other bytes in one member, for a rule to find."""
        members = [[m[0].rstrip(), m[5]] for m in self.members()]
        self.assertIn(before, members[member][1])
        members[member][1] = members[member][1].replace(before, after, 1)
        return self.packed(members)

    def test_keeps_every_rule(self):
        self.assertEqual(vib_rules.vib_problems(self.vib, LARGEST), [])
        self.assertEqual(vib_rules.bundle_problems(self.bundle, self.vib), [])

    def test_is_the_same_byte_for_byte_wherever_and_whenever_it_is_built(self):
        with tempfile.TemporaryDirectory() as other:
            again = build(other, SOURCE_DATE_EPOCH="1767225600", TZ="Asia/Tokyo", LANG="tr_TR.UTF-8")
            self.assertEqual([file.read_bytes() for file in again], [self.vib, self.bundle])

    def test_is_read_by_ar(self):
        listed = subprocess.run(["ar", "t", self.vib_file], check=True, capture_output=True, text=True).stdout.split()
        self.assertEqual(listed, ["descriptor.xml", "sig.pkcs7", "xcopyagt"])

    def test_every_damage_is_noticed(self):
        damages = {
            "checksums in the order that breaks 6.x and 7.x": self.changed(
                b' verify-process="gunzip">', b'>'),
            "a wrong size": self.changed(b'size="', b'size="1'),
            "another acceptance level": self.changed(b"community", b"partner"),
            "maintenance mode": self.changed(b"<maintenance-mode>false", b"<maintenance-mode>true"),
            "no esx-version": self.changed(b"esx-version", b"esx-release"),
            "a file that is not there": self.changed(b"<file>opt/", b"<file>opt/x"),
            "a damaged payload": self.packed([(m[0].rstrip(), m[5][:-9] + b"\0" + m[5][-8:]) if i == 2 else
                                              (m[0].rstrip(), m[5]) for i, m in enumerate(self.members())]),
            "members in another order": self.packed([(self.members()[i][0].rstrip(), self.members()[i][5])
                                                     for i in (1, 0, 2)]),
            "GNU names": self.packed([(m[0].rstrip() + "/", m[5]) for m in self.members()]),
            "cut off": self.vib[:-7],
        }
        for what, damaged in damages.items():
            with self.subTest(what):
                self.assertNotEqual(vib_rules.vib_problems(damaged, LARGEST), [])

    def test_every_wrong_mode_and_place_is_noticed(self):
        import io
        import tarfile
        stored = self.members()[2][5]

        def rewritten(change):
            source = tarfile.open(fileobj=io.BytesIO(gzip.decompress(stored)))
            out = io.BytesIO()
            with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as target:
                for member in source.getmembers():
                    data = source.extractfile(member) if member.isfile() else None
                    change(member)
                    target.addfile(member, data)
            with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
                listed = [m.name for m in source.getmembers() if m.isfile()]
                return vib_rules.payload_problems(tar, listed)

        def with_mode(name, mode):
            return rewritten(lambda m: setattr(m, "mode", mode) if m.name == name else None)

        self.assertEqual(rewritten(lambda m: None), [])
        self.assertNotEqual(with_mode("etc/config/xcopy-agent/agent.key", 0o644), [])
        self.assertNotEqual(with_mode("etc/config/xcopy-agent/agent.crt", 0o644), [])
        self.assertNotEqual(with_mode("opt/xcopy-agent/bin/xcopy-agent", 0o644), [])
        self.assertNotEqual(rewritten(lambda m: setattr(m, "uid", 1000)), [])
        self.assertNotEqual(rewritten(lambda m: setattr(m, "name", "/" + m.name)), [])
        self.assertNotEqual(rewritten(lambda m: setattr(m, "name", m.name.replace("opt", "usr", 1))), [])

    def test_a_bundle_of_another_vib_is_noticed(self):
        other = self.changed(b"Copies VMware disks", b"Moves VMware disks ")
        self.assertNotEqual(vib_rules.bundle_problems(self.bundle, other), [])


class InitScript(unittest.TestCase):
    """The script itself, under busybox ash, as far as it goes without a host."""

    script = BUILD.parent / "root/etc/init.d/xcopy-agent"

    def run_script(self, *words):
        return subprocess.run(["busybox", "ash", self.script, *words], capture_output=True, text=True)

    def test_knows_every_verb_and_refuses_others(self):
        for verb in ("ssl_reset", "install", "upgrade", "remove"):
            self.assertEqual(self.run_script(verb).returncode, 0, verb)
        for words in ((), ("fly",)):
            refused = self.run_script(*words)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("start|stop|restart|status|ssl_reset|install|upgrade|remove", refused.stdout)

    def test_status_of_a_stopped_agent_is_3(self):
        self.assertEqual(self.run_script("status").returncode, 3)

    def test_begins_as_chkconfig_wants_it(self):
        first, second = self.script.read_text().splitlines()[:2]
        self.assertEqual((first, second), ("#!/bin/sh", "# chkconfig: on 90 10"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
