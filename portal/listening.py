"""The socket that the web server listens on: one for all its processes, and kept open by systemd while it is restarted.

The server's own way is a socket for each process; whoever had connected to one that closes would be turned away.
"""

import mmap
import os
import signal
import socket
from threading import Timer
from typing import Any

from granian._granian import SocketHolder
from granian.server import MPServer

BACKLOG = 1024
FIRST_PASSED = 3
"""The first socket that systemd passes on (sd_listen_fds(3))."""


def passed_on() -> socket.socket | None:
    """The socket that systemd holds for us, if it started this process for one."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    return socket.socket(fileno=FIRST_PASSED)


def listen(host: str, port: int) -> socket.socket:
    """A socket of our own. Raises OSError when somebody listens there already, or nobody may."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class ServerOn(MPServer):
    """granian's server on a socket that is there already.

    Told to stop, it says so first, by the byte ``stopping``, and goes on for ``drain`` seconds: load balancers ask.
    """

    def __init__(self, listening: socket.socket, drain: int, stopping: mmap.mmap, **settings: Any) -> None:
        super().__init__(backlog=BACKLOG, **settings)
        self.listening, self.drain, self.stopping = listening, drain, stopping

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """SIGTERM, and SIGINT, which does not wait."""
        stop = super().signal_handler_interrupt
        self.stopping[0] = 1
        if self.drain and args[0] == signal.SIGTERM:
            Timer(self.drain, stop).start()
        else:
            stop()

    def _init_shared_socket(self) -> None:
        self.listening.setblocking(False)
        self.listening.set_inheritable(True)
        holder: Any = SocketHolder
        self._sso, self._shd = self.listening, holder(self.listening.fileno(), False, BACKLOG)
