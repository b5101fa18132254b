"""A mail server made of sockets, which can misbehave at any point of a conversation.

    def script(stage, recipient):           # called at each stage, in the thread of the conversation
        return "450 4.2.1 busy" if stage == "rcpt" else None

    with MailServer(script) as server: ...

Stages, in their order: connect, ehlo, mail, rcpt, data, body (in the middle of the text), accepted (the message is
kept, nobody has been told), quit (the sender knows). An answer of None is the usual reply; a text is said instead.
"""

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from types import TracebackType

from tests.support.ports import free_port
from tests.support.smtp import Received

DROP = "drop"
RESET = "reset"
SILENCE = "silence"

Script = Callable[[str, str], str | None]

USUAL = {
    "connect": "220 ready",
    "ehlo": "250 ready",
    "mail": "250 go on",
    "rcpt": "250 go on",
    "data": "354 go on",
    "accepted": "250 kept",
    "quit": "221 bye",
}


def well_behaved(_stage: str, _recipient: str) -> None:
    """No fault at all."""


class _Gone(Exception):  # noqa: N818
    pass


class MailServer:
    """Listens on a loopback port; ``messages`` is what it kept, ``tried`` the recipients that it was offered."""

    def __init__(self, script: Script = well_behaved) -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self.script = script
        self.messages: list[Received] = []
        self.tried: list[tuple[float, str]] = []
        self._closing = threading.Event()
        self._listener: socket.socket | None = None

    def __enter__(self) -> "MailServer":
        self._closing.clear()
        self._listener = socket.create_server((self.host, self.port), backlog=64, reuse_port=False)
        threading.Thread(target=self._listen, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def to(self, recipient: str) -> list[Received]:
        """What was kept for one address."""
        return [message for message in list(self.messages) if recipient in message.recipients]

    def wait_for(self, count: int, seconds: float = 20.0) -> list[Received]:
        """The messages, once there are so many. Raises AssertionError when they do not come in time."""
        deadline = time.monotonic() + seconds
        while len(self.messages) < count:
            assert time.monotonic() < deadline, f"{len(self.messages)} of {count} messages came"
            time.sleep(0.02)
        return list(self.messages)

    def _listen(self, listener: socket.socket) -> None:
        while not self._closing.is_set():
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(_Gone, OSError), connection:
            self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        recipient, sender = "", ""
        self._say(connection, "connect", recipient)
        with connection.makefile("rb") as lines:
            while line := lines.readline():
                text = line.decode("ascii", "replace").strip()
                verb = text[:4].upper()
                if verb in ("EHLO", "HELO"):
                    self._say(connection, "ehlo", recipient)
                elif verb == "MAIL":
                    sender = text.partition("<")[2].partition(">")[0]
                    self._say(connection, "mail", recipient)
                elif verb == "RCPT":
                    recipient = text.partition("<")[2].partition(">")[0]
                    self.tried.append((time.monotonic(), recipient))
                    self._say(connection, "rcpt", recipient)
                elif verb == "DATA":
                    self._say(connection, "data", recipient)
                    self._keep(connection, lines, sender, recipient)
                elif verb == "QUIT":
                    self._say(connection, "quit", recipient)
                    return
                else:
                    connection.sendall(b"250 as you wish\r\n")

    def _keep(self, connection: socket.socket, lines: object, sender: str, recipient: str) -> None:
        content = [lines.readline()]  # type: ignore[attr-defined]
        if self.script("body", recipient) is not None:
            raise _Gone
        while content[-1] not in (b".\r\n", b""):
            content.append(lines.readline())  # type: ignore[attr-defined]
        if content[-1] == b"":
            raise _Gone  # the sender died before its final dot: nothing was handed over (RFC 5321 4.1.1.4)
        raw = b"".join(content[:-1])
        parsed = message_from_bytes(raw, policy=default)
        assert isinstance(parsed, EmailMessage)
        self.messages.append(Received(sender, [recipient], parsed, raw))
        self._say(connection, "accepted", recipient)

    def _say(self, connection: socket.socket, stage: str, recipient: str) -> None:
        wanted = self.script(stage, recipient)
        if wanted == SILENCE:
            self._closing.wait(60)
        if wanted == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if wanted in (SILENCE, RESET, DROP):
            raise _Gone
        connection.sendall(f"{wanted or USUAL[stage]}\r\n".encode())
        if wanted is not None and wanted.startswith("421"):
            raise _Gone
