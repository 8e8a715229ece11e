"""Printing TAP from Python test scripts.

    from tap import Tap
    tap = Tap()
    tap.case("sums do not depend on the order", check, arguments)
    tap.done()

A case passes when its function returns; an exception fails it and is printed as a comment. tap.skip
counts a case that cannot run here, with the reason.
"""
import sys
import traceback


class Tap:
    def __init__(self):
        self.n = 0
        self.failed = 0

    def _line(self, text):
        print(text, flush=True)

    def ok(self, name):
        self.n += 1
        self._line(f"ok {self.n} - {name}")

    def fail(self, name, detail=""):
        self.n += 1
        self.failed += 1
        self._line(f"not ok {self.n} - {name}")
        for line in detail.splitlines():
            self._line(f"#   {line}")

    def skip(self, name, reason):
        self.n += 1
        self._line(f"ok {self.n} - {name} # SKIP {reason}")

    def case(self, name, function, *arguments):
        try:
            function(*arguments)
        except AssertionError as error:
            self.fail(name, str(error) or traceback.format_exc())
        except Exception:
            self.fail(name, traceback.format_exc())
        else:
            self.ok(name)

    def done(self):
        self._line(f"1..{self.n}")
        sys.exit(1 if self.failed else 0)
