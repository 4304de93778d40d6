"""An echo server in Python: asyncio for streams, a blocking loop for the UDP socket.

    python3 echo.py tcp [PORT] | unix PATH | udp [PORT]
"""

import asyncio
import socket
import sys

BACKLOG = 4096


# The receive buffer, shared by all connections: data is copied before the next receive. With
# asyncio.Protocol, each receive allocates 256 KiB, which dominates the cost.
buffer = bytearray(65536)


class Echo(asyncio.BufferedProtocol):
    """A connection. asyncio sets TCP_NODELAY and closes the connection at EOF."""

    def connection_made(self, transport):
        self.transport = transport

    def get_buffer(self, sizehint):
        return buffer

    def buffer_updated(self, count):
        self.transport.write(bytes(memoryview(buffer)[:count]))

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def echo_streams(transport, address):
    loop = asyncio.get_running_loop()
    if transport == "unix":
        server = await loop.create_unix_server(Echo, address, backlog=BACKLOG)
    else:
        server = await loop.create_server(Echo, "127.0.0.1", int(address), backlog=BACKLOG)
    log_listening(server.sockets[0].getsockname())
    await server.serve_forever()


def echo_datagrams(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", port))
        log_listening(s.getsockname())
        while True:
            message, peer = s.recvfrom(65536)
            s.sendto(message, peer)


def log_listening(name):
    text = "%s:%d" % name if isinstance(name, tuple) else name
    sys.stderr.write("listening on %s\n" % text)


transport, address = (sys.argv[1:] + ["tcp", "0"][len(sys.argv) - 1 :])[:2]
if transport == "udp":
    echo_datagrams(int(address))
else:
    asyncio.run(echo_streams(transport, address))
