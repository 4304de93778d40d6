"""Draws docs/demo.svg: the first two samples and the last line of `deno task demo tcp_echo`.

Run it from the project's root, with Python 3 and rich 15.0.0:

    pip install rich==15.0.0
    script -qec 'stty cols 100; deno task --quiet demo tcp_echo' /dev/null |
        python3 docs/demo_picture.py

`script` gives the demo a terminal, so that it prints in colour.
"""

import io
import re
import sys

from rich.console import Console
from rich.text import Text

WIDTH = 100  # columns

lines = [Text.from_ansi(line) for line in sys.stdin.read().strip().splitlines()]
start = next(i for i, line in enumerate(lines) if line.plain)
end = next(i for i, line in enumerate(lines) if line.plain.startswith("[3/"))
while lines[end - 1].plain == "" or lines[end - 1].plain.startswith("step "):
    end -= 1  # the heading of the third sample

console = Console(record=True, width=WIDTH, file=io.StringIO())
for line in [*lines[start:end], Text(""), Text("..."), Text(""), lines[-1]]:
    console.print(line)

svg = console.export_svg(title="deno task demo tcp_echo")
svg = re.sub(r"@font-face {.*?}", "", svg, flags=re.DOTALL)  # load no fonts from the network
with open("docs/demo.svg", "w", encoding="utf-8") as picture:
    picture.write(svg)
