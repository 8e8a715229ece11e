"""What could be saved of calls that only records tell of, worked out of the cells of truth.json with
the second implementation of the prices (oracle.py), and nothing else of the program."""
import re
from collections import defaultdict
from decimal import Decimal

from oracle import CLASSES



def family(base):
    provider, _, name = base.partition(".")
    for word in ("opus", "sonnet", "haiku"):
        if provider == "anthropic" and word in name:
            return provider, word
    name = re.sub(r"^nova-2-", "nova-", name)
    return provider, "llama" if name.startswith("llama") else re.split(r"-v?\d|[.:@]", name)[0]


class Lines:
    """Which model is the newest of a family on a day."""

    def __init__(self, book):
        self.since = {}
        for row in book.rows:
            head = row.pattern.partition("*")[0]
            if row.regions or row.pattern.endswith(":latency-optimized") or \
                    not row.base["input"] or not row.base["output"]:
                continue
            self.since[head] = min(self.since.get(head, "9999"), row.effective_from)

    def newer(self, base, day):
        own = max((m for m in self.since if base.startswith(m)), key=len, default=None)
        if own is None:
            return None
        sold = [m for m, since in self.since.items()
                if since and since <= day and family(m) == family(base)]
        best = max(sold, key=lambda m: (self.since[m], [-ord(c) for c in m]), default=None)
        return best if best and self.since[best] > self.since[own] else None


def literal(row, base, cell):
    """The price is that of this Region and day."""
    at_home = row.regions or base.startswith("anthropic.") or \
        cell["region"] in ("us-east-1", "us-west-2")
    return at_home and (not row.confirmed_until or cell["day"] <= row.confirmed_until)


def amounts(book, cell, base, scope):
    """USD (low, high), or None where something has no price of its own."""
    row = book.find(base, scope, cell["region"], cell["day"])
    if not row or not literal(row, base, cell):
        return None
    cost, high, unpriced = row.price({c: cell[c] for c in CLASSES})
    return None if unpriced else (sum(cost.values(), Decimal(0)), high)


def expected(truth, book):
    """{(finding, subject, model to change to): [calls, tokens, USD spent, USD saved]}"""
    lines, found = Lines(book), defaultdict(lambda: [0, 0, Decimal(0), Decimal(0)])

    def add(key, cell, cost, saved):
        if saved > 0:
            for i, n in enumerate((cell["billed"], sum(cell[c] for c in CLASSES), cost, saved)):
                found[key][i] += n

    for cell in truth["cells"]:
        base, scope = cell["base_model"], cell["scope"]
        if not cell["billed"] or cell["resolved_by"] not in ("id", "profile"):
            continue
        row = book.find(base, scope, cell["region"], cell["day"])
        paid = sum(row.price({c: cell[c] for c in CLASSES})[0].values()) if row else 0
        if cell["error"]:
            add(("failed", cell["error"], ""), cell, paid, paid)
        own = amounts(book, cell, base, scope)
        newer = lines.newer(base, cell["day"])
        ways = [("regional-profile", base, "global", "")] if scope in ("geo", "in-region") else []
        ways += [("superseded-model", newer, scope, newer)] if newer else []
        for finding, other, other_scope, name in ways:
            less = amounts(book, cell, other, other_scope)
            if own and less:
                add((finding, base, name), cell, own[0], min(own[0] - less[0], own[1] - less[1]))
    return dict(found)
