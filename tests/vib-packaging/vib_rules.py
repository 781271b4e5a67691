"""Every rule that a VIB and its offline bundle must keep, read back from the finished files.

Shares nothing with vib-packaging/build. The rules are those of the ESXi facts page, sections 3.1 to 3.5; each problem is one
sentence.
"""

import gzip
import hashlib
import io
import struct
import tarfile
import xml.etree.ElementTree as ET
import zipfile

ALLOWED_PREFIXES = ("opt/", "etc/config/", "etc/init.d/", "etc/vmware/firewall/", "etc/vmware/service/")
ELEMENT_ORDER = [
    "type", "name", "version", "vendor", "summary", "description", "release-date", "urls", "relationships",
    "software-tags", "system-requires", "file-list", "acceptance-level", "live-install-allowed", "live-remove-allowed",
    "cimom-restart", "stateless-ready", "overlay", "payloads",
]
STICKY = {
    "etc/config/xcopy-agent/agent.crt": 0o1644,
    "etc/config/xcopy-agent/agent.key": 0o1600,
    "etc/config/xcopy-agent/agent.key.next": 0o1600,
    "etc/config/xcopy-agent/ca.crt": 0o1644,
    "etc/config/xcopy-agent/config.json": 0o1644,
}
EXECUTABLE = {"opt/xcopy-agent/bin/xcopy-agent": 0o755, "etc/init.d/xcopy-agent": 0o755}
LARGEST_PAYLOAD = 3_500_000


def ar_members(data):
    """[(name, mode, time, owner, group, content)] of an ar archive; raises ValueError when it is none."""
    if data[:8] != b"!<arch>\n":
        raise ValueError("not an ar archive")
    members, at = [], 8
    while at < len(data):
        header = data[at:at + 60]
        if len(header) < 60 or header[58:] != b"`\n":
            raise ValueError("a damaged ar header")
        size = int(header[48:58])
        content = data[at + 60:at + 60 + size]
        if len(content) != size:
            raise ValueError("a member is cut off")
        members.append((header[:16].decode(), int(header[40:48], 8), int(header[16:28]), int(header[28:34]),
                        int(header[34:40]), content))
        at += 60 + size
        if size % 2:
            if data[at:at + 1] != b"\n":
                raise ValueError("a member of odd length is not padded with a newline")
            at += 1
    return members


def elf_problems(binary):
    if binary[:4] != b"\x7fELF":
        return ["the program is not ELF"]
    problems = []
    kind, = struct.unpack_from("<H", binary, 16)
    if binary[4] != 2:
        problems.append("the program is not 64 bit; 8.0 refuses others")
    if kind != 2:
        problems.append("the program is position independent")
    offset, = struct.unpack_from("<Q", binary, 32)
    entry_size, entries = struct.unpack_from("<HH", binary, 54)
    types = [struct.unpack_from("<I", binary, offset + i * entry_size)[0] for i in range(entries)]
    if 3 in types:
        problems.append("the program asks for an interpreter: it is not static")
    if 2 in types:
        problems.append("the program has a dynamic section: it is not static")
    return problems


def payload_problems(tar, listed):
    problems = []
    files = {}
    order = []
    for member in tar.getmembers():
        order.append((not member.isdir(), member.name))
        if member.name.startswith("/") or ".." in member.name.split("/"):
            problems.append(f"{member.name}: not a path relative to the root")
        if (member.uid, member.gid) != (0, 0) or member.uname or member.gname:
            problems.append(f"{member.name}: not owned by 0:0 without names")
        if member.isdir():
            continue
        if not member.isfile():
            problems.append(f"{member.name}: neither file nor directory")
        files[member.name] = member
    for name, member in files.items():
        if not name.startswith(ALLOWED_PREFIXES):
            problems.append(f"{name}: a community VIB may not install there")
        wanted = STICKY.get(name, EXECUTABLE.get(name, 0o644))
        if member.mode != wanted:
            problems.append(f"{name}: mode {member.mode:o} instead of {wanted:o}")
    for name in (*STICKY, *EXECUTABLE):
        if name not in files:
            problems.append(f"{name} is missing")
    if order != sorted(order):
        problems.append("the entries are not in a fixed order, directories first")
    if sorted(listed) != sorted(files):
        problems.append(f"file-list and payload differ: {sorted(set(listed) ^ set(files))}")
    if len({member.mtime for member in tar.getmembers()}) != 1:
        problems.append("times of the entries differ: the build is not reproducible")
    return problems


def descriptor_problems(root, member_name, stored, plain):
    problems = []
    text = lambda path: (root.findtext(path) or "").strip()
    if root.tag != "vib" or root.get("version") != "5.0":
        problems.append("the descriptor is not <vib version=\"5.0\">")
    if [child.tag for child in root] != ELEMENT_ORDER:
        problems.append("the descriptor's elements are not those of working VIBs, in their order")
    if text("type") != "bootbank" or text("acceptance-level") != "community":
        problems.append("type or acceptance level")
    for element, wanted in (("live-install-allowed", "true"), ("live-remove-allowed", "true"), ("overlay", "false"),
                            ("cimom-restart", "false"), ("stateless-ready", "true"),
                            ("system-requires/maintenance-mode", "false")):
        if text(element) != wanted:
            problems.append(f"{element} is '{text(element)}' instead of {wanted}")
    version = text("version").split("-")
    if len(version) != 2 or not all(part.replace(".", "").isdigit() for part in version):
        problems.append(f"version '{text('version')}' is not digits-digits")
    constraint = root.find("relationships/depends/constraint")
    if constraint is None or constraint.attrib != {"name": "esx-version", "relation": ">=", "version": "6.7.0"}:
        problems.append("it does not depend on esx-version >= 6.7.0")
    payloads = root.findall("payloads/payload")
    if len(payloads) != 1:
        return problems + ["not exactly one payload"]
    payload = payloads[0]
    if payload.get("name") != member_name or len(member_name) > 8 or member_name != member_name.lower():
        problems.append(f"payload name '{payload.get('name')}'")
    if payload.get("type") != "tgz" or payload.get("size") != str(len(stored)):
        problems.append("payload type or size")
    # This order, and no other, installs on 6.7 to 9.0.
    wanted = [("sha-256", "gunzip", hashlib.sha256(plain).hexdigest()),
              ("sha-256", None, hashlib.sha256(stored).hexdigest()),
              ("sha-1", "gunzip", hashlib.sha1(plain).hexdigest())]
    found = [(c.get("checksum-type"), c.get("verify-process"), (c.text or "").strip())
             for c in payload.findall("checksum")]
    if found != wanted:
        problems.append("checksums, or their order")
    return problems


def vib_problems(data, largest=LARGEST_PAYLOAD):
    """All that is wrong with a VIB; an empty list when nothing is."""
    try:
        members = ar_members(data)
    except ValueError as problem:
        return [str(problem)]
    if [m[0].rstrip() for m in members[:2]] != ["descriptor.xml", "sig.pkcs7"] or len(members) != 3:
        return [f"members are {[m[0].rstrip() for m in members]}"]
    problems = []
    for name, mode, time, owner, group, _ in members:
        if "/" in name or (mode, time, owner, group) != (0o100644, 0, 0, 0):
            problems.append(f"{name.rstrip()}: header is not plain and fixed")
    if members[1][5]:
        problems.append("an unsigned VIB has an empty sig.pkcs7")
    stored = members[2][5]
    if len(stored) > largest:
        problems.append(f"the payload has {len(stored)} bytes, more than {largest}")
    try:
        plain = gzip.decompress(stored)
        root = ET.fromstring(members[0][5])
        if stored[4:8] != b"\0\0\0\0":
            problems.append("the gzip header holds a time")
        problems += descriptor_problems(root, members[2][0].rstrip(), stored, plain)
        with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
            problems += payload_problems(tar, [f.text for f in root.findall("file-list/file")])
            program = tar.extractfile("opt/xcopy-agent/bin/xcopy-agent")
            problems += elf_problems(program.read())
    except (OSError, EOFError, ET.ParseError, tarfile.TarError, KeyError) as problem:
        problems.append(f"unreadable: {problem}")
    return problems


def bundle_problems(data, vib):
    """All that is wrong with the offline bundle of that VIB."""
    problems = []
    descriptor = ET.fromstring(ar_members(vib)[0][5])
    vib_id = "{}_bootbank_{}_{}".format(*(descriptor.findtext(tag) for tag in ("vendor", "name", "version")))
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        names = bundle.namelist()
        if names != sorted(names) or len({info.date_time for info in bundle.infolist()}) != 1:
            problems.append("entries are not in a fixed order with one time")
        stored = [name for name in names if name.startswith("vib20/")]
        if len(stored) != 1 or bundle.read(stored[0]) != vib:
            return problems + ["the bundle does not hold this very VIB"]
        if ET.fromstring(bundle.read("index.xml")).findtext("vendor/indexfile") != "vendor-index.xml":
            problems.append("index.xml does not lead to vendor-index.xml")
        for entry in ET.fromstring(bundle.read("vendor-index.xml")).findall("metadata"):
            if entry.findtext("productId") != "embeddedEsx" or entry.findtext("url") not in names:
                problems.append("vendor-index.xml names metadata that are not there")
        with zipfile.ZipFile(io.BytesIO(bundle.read("xcopy-agent-metadata.zip"))) as metadata:
            response = ET.fromstring(metadata.read("vmware.xml"))
            inner = [name for name in metadata.namelist() if name.startswith("vibs/")]
            listed = ET.fromstring(metadata.read(inner[0]))
            bulletin = ET.fromstring(metadata.read(next(n for n in metadata.namelist() if n.startswith("bulletins/"))))
    if response.findtext("version") != "3.0":
        problems.append("vmware.xml is not metadata 3.0")
    if bulletin.findtext("vibList/vibID") != vib_id or bulletin.find("componentNameSpec") is None:
        problems.append("the bulletin is not a component of this VIB")
    for where in (listed, response.find("vibList/vib")):
        if (where.findtext("relative-path"), where.findtext("packed-size"), where.findtext("checksum/checksum")) != (
                stored[0], str(len(vib)), hashlib.sha256(vib).hexdigest()):
            problems.append("the metadata do not describe this VIB's file")
    return problems
