"""Draws docs/demo.svg: the first two samples and the last line of `deno task demo tcp_echo`.

Run it from the project's root, with Python 3 and rich 15.0.0:

    pip install rich==15.0.0
    script -qec 'deno task --quiet demo tcp_echo' /dev/null | python3 docs/demo_picture.py

`script` gives the demo a terminal, so that it prints in colour.
"""

import io
import re
import sys

from rich.console import Console
from rich.text import Text

WIDTH = 100  # columns

screen = sys.stdin.read().replace("\r\n", "\n").strip()
first, last = re.match(r"(.*?\n)[^\n]*\[3/\d+\].*\n(.*)", screen, re.DOTALL).groups()

console = Console(record=True, width=WIDTH, file=io.StringIO())
for line in [*first.splitlines(), "...", "", last]:
    text = Text.from_ansi(line)
    for row in text.divide(range(WIDTH, len(text), WIDTH)):  # wrap as a terminal does
        console.print(row)

svg = console.export_svg(title="deno task demo tcp_echo")
svg = re.sub(r"@font-face {.*?}", "", svg, flags=re.DOTALL)  # load no fonts from the network
with open("docs/demo.svg", "w", encoding="utf-8") as picture:
    picture.write(svg)
