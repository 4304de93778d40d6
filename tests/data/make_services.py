"""Makes the table of getServByName() from /etc/services, as getservbyname(3) reads it.

    python3 tests/data/make_services.py > lib/services.json

Run it on a Debian, whose package netbase has the file. Each name, alias or not, has its port by
protocol; of two lines with one name the first holds. The date is that of the file.
"""

import datetime
import json
import os
import subprocess

PATH = "/etc/services"

version = subprocess.run(["dpkg-query", "--show", "netbase"], capture_output=True, text=True, check=True).stdout
table = {
    "source": f"{PATH} of Debian's {version.strip().replace(chr(9), ' ')}",
    "date": datetime.datetime.fromtimestamp(os.stat(PATH).st_mtime, datetime.timezone.utc).date().isoformat(),
    "tcp": {},
    "udp": {},
}
with open(PATH, encoding="ascii") as services:
    for line in services:
        fields = line.partition("#")[0].split()
        if not fields:
            continue
        name, (port, protocol), aliases = fields[0], fields[1].split("/"), fields[2:]
        if protocol in ("tcp", "udp"):
            for known in [name, *aliases]:
                table[protocol].setdefault(known, int(port))
print(json.dumps(table, indent=2))
