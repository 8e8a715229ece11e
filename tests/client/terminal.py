"""Running an interactive program in a terminal of its own: typing, and waiting for its echo."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

ESCAPES = re.compile(rb"\x1b\[[0-9;?<>=]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)?|\x1b.")


class Terminal:
    """A child that leads a session of its own; `with` ends it."""

    def __init__(self, command, folder, environment, deadline):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(folder)
                os.execve(command[0], command, environment)
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        self.deadline = deadline
        self.shown, self.quiet_since, self.ended = b"", time.monotonic(), False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.pid, sign)
            except ProcessLookupError:
                break
            if self.wait(self.reap, 2):
                break
        if not self.ended:
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def reap(self):
        if not self.ended:
            self.ended = os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
        return self.ended

    def pump(self):
        """Takes what the program shows; a program that nobody reads stops."""
        if not select.select([self.fd], [], [], 0.05)[0]:
            return
        try:
            self.shown += os.read(self.fd, 1 << 16)
        except OSError:  # its end
            time.sleep(0.05)
        else:
            self.quiet_since = time.monotonic()

    def wait(self, until, seconds):
        deadline = min(time.monotonic() + seconds, self.deadline)
        while not until():
            if time.monotonic() > deadline:
                return False
            self.pump()
        return True

    def quiet(self, seconds):
        return lambda: time.monotonic() - self.quiet_since > seconds

    def type(self, text):
        """Types a line once the terminal is quiet; False when its echo does not come. What is
        looked for is the last word, because spaces are moves of the cursor."""
        self.shown = b""
        os.write(self.fd, text.encode())
        word = text.split()[-1].encode()
        if not self.wait(lambda: word in ESCAPES.sub(b"", self.shown), 5):
            return False
        self.wait(self.quiet(0.3), 2)
        os.write(self.fd, b"\r")
        return True
