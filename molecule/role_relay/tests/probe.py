"""Runs on the host: one connection through the relay, kept until it breaks. Prints a line per answer."""

import socket
import sys
import time

stream = socket.create_connection(("127.0.0.1", int(sys.argv[1]))).makefile("rwb")
while True:
    stream.write(b"PING\r\n")
    stream.flush()
    answer = stream.readline()
    if answer != b"+PONG\r\n":
        sys.exit(f"broken: {answer!r}")
    print("PONG", flush=True)
    time.sleep(0.1)
