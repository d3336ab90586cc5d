"""Every message to this server and to Dovecot, by APPEND, and what both say of it.

    python3 -m tests.interop.dovecot_compare [--messages 2000] [--seed 1] [--show 5]

Prints the differences that no rule of docs/interop/dovecot.md explains, and how many each rule explains; exit 1 if there are any.
"""

import argparse
import collections
import imaplib
import re
import sys

from tests.e2e import reading, real_messages, running
from tests.interop import dovecot, dovecot_rules, imap_answers, odd_messages

DATE = '"14-Nov-2023 22:13:20 +0000"'
FIELDS = "Subject From To Date X-None Content-Type"

FIXED = ["ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE", "INTERNALDATE", "BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]",
         f"BODY.PEEK[HEADER.FIELDS ({FIELDS})]", f"BODY.PEEK[HEADER.FIELDS.NOT ({FIELDS})]", "BODY.PEEK[HEADER.FIELDS (Received X-A)]",
         "BODY.PEEK[]<10.100>", "BODY.PEEK[TEXT]<5.20>", "BODY.PEEK[HEADER]<0.7>", f"BODY.PEEK[HEADER.FIELDS ({FIELDS})]<3.9>",
         "RFC822.HEADER", "BODY.PEEK[]<100000000.5>"]
OF_PART = ["BODY.PEEK[{0}]", "BODY.PEEK[{0}.MIME]", "BODY.PEEK[{0}]<2.9>", "BINARY.PEEK[{0}]", "BINARY.SIZE[{0}]",
           "BINARY.PEEK[{0}]<3.5>"]
OF_MESSAGE = ["BODY.PEEK[{0}.HEADER]", "BODY.PEEK[{0}.TEXT]", f"BODY.PEEK[{{0}}.HEADER.FIELDS ({FIELDS})]",
              f"BODY.PEEK[{{0}}.HEADER.FIELDS.NOT ({FIELDS})]"]
NOT_THERE = ["BODY.PEEK[99]", "BODY.PEEK[1.1.1.1.9]", "BODY.PEEK[99.MIME]"]

WORDS = ["x", "hello", "re", "alice", "example", "zoe", "cafe", "multipart", "delivery", "failed", "received", "b1", "attached", "lait",
         "user unknown", "subject", "fwd", "charset"]
SEARCHES = ([f'{key} "{word}"' for key in ("SUBJECT", "FROM", "TO", "CC", "BCC", "BODY", "TEXT") for word in WORDS] +
            [f'HEADER {name} "{word}"' for name in ("Received", "Message-ID", "Content-Type", "X-Mailer", "Reply-To", "Sender")
             for word in ("", "example", "mail", "text")] +
            [f"{key} {number}" for key in ("LARGER", "SMALLER") for number in (0, 100, 500, 1000, 5000, 100000)] +
            [f"{key} {day}" for key in ("SENTBEFORE", "SENTON", "SENTSINCE", "BEFORE", "ON", "SINCE")
             for day in ("1-Jan-2024", "21-Nov-1997", "14-Nov-2023", "1-Jan-1970", "31-Dec-2001")] +
            ["ALL", "NOT SUBJECT x", "OR FROM bob TO bob", "SEEN", "UNSEEN", "NEW", "1:10 UNANSWERED", "KEYWORD x", "YOUNGER 3600",
             "OLDER 3600", 'CHARSET UTF-8 SUBJECT "\u00e4"', 'CHARSET UTF-8 BODY "caf\u00e9"', 'CHARSET UTF-8 TEXT "\u00c9"'])
CRITERIA = ["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "REVERSE SUBJECT", "REVERSE DATE SUBJECT", "SUBJECT REVERSE SIZE",
            "DISPLAYFROM", "DISPLAYTO", "FROM TO CC SUBJECT"]


def messages(count, seed):
    """Real messages, real ones damaged, and odd ones, with the line ends of SMTP: `count` of them."""
    real = [real_messages.normalized(octets) for _, octets in real_messages.collect()]
    chosen = [octets for octets in real if b"\0" not in octets]
    writer = odd_messages.Writer(seed)
    chosen += [odd_messages.nested(depth) for depth in (1, 2, 30, 90)] + [odd_messages.wide(parts) for parts in (1, 5, 300)]
    originals, turn = len(chosen), 0
    while len(chosen) < count:
        chosen.append(writer.message() if turn % 3 else writer.damaged(chosen[turn // 3 % originals]))
        turn += 1
    return [octets or b"\r\n" for octets in chosen[:count]]


class Server:
    """One of the two, by what it says."""

    def __init__(self, name, connect):
        self.name, self._connect = name, connect
        self.imap = connect()

    def close(self):
        self.imap.shutdown()

    def append(self, octets):
        status, answer = self.imap.append("INBOX", None, DATE, octets)
        if status != "OK":
            raise AssertionError(f"{self.name} refuses {octets[:200]!r}: {answer}")

    def select(self):
        status, answer = self.imap.select("INBOX", readonly=True)
        if status != "OK":
            raise AssertionError(f"{self.name}: {answer}")

    def fetch(self, number, items):
        """{item: value} of one message; of an item that it refuses, or ends the session for, that."""
        status, values = self._fetch(number, items)
        if status == "OK":
            return values
        if len(items) == 1:
            return {answered(items[0]): (status, values)}
        half = len(items) // 2
        return self.fetch(number, items[:half]) | self.fetch(number, items[half:])

    def _fetch(self, number, items):
        try:
            status, data = self.imap.fetch(str(number), f"({' '.join(items)})")
        except imaplib.IMAP4.abort:
            self.close()
            self.imap = self._connect()
            self.select()
            return "BYE", None
        except imaplib.IMAP4.error:
            return "BAD", None
        if status == "OK":
            return status, imap_answers.fetched(data).get(number, {})
        code = re.search(rb"\[([A-Z-]+)", data[0] or b"")
        return status, code and code.group(1)

    def numbers(self, command, *arguments):
        """What SEARCH, SORT or THREAD answers."""
        self.imap.untagged_responses.pop(command, None)
        status, data = self.imap._simple_command(command, *arguments)  # pylint: disable=protected-access
        status, data = self.imap._untagged_response(status, data, command)  # pylint: disable=protected-access
        return status, (data[-1] or b"").strip()


def sections(*structures):
    """The items to fetch for the parts that either server sees."""
    items = list(NOT_THERE)
    for name, is_message in sorted(set(part for one in structures for part in imap_answers.part_numbers(one))):
        items += [item.format(name) for item in OF_PART]
        if is_message:
            items += [item.format(name) for item in OF_MESSAGE]
    return list(dict.fromkeys(items))


def answered(item):
    """The name by which a FETCH response answers an item."""
    return re.sub(r"<(\d+)\.\d+>$", r"<\1>", item.replace(".PEEK[", "[")).upper().encode()


class Comparison:
    """Counts what is equal, what a rule explains, and keeps what is left."""

    def __init__(self):
        self.compared, self.explained, self.left = 0, collections.Counter(), []

    def see(self, where, difference):
        """Says whether the answers are the same."""
        self.compared += 1
        item, ours, theirs = difference.item, difference.ours, difference.theirs
        if ours == theirs:
            return True
        rule = dovecot_rules.explain(difference)
        if rule:
            self.explained[rule] += 1
        else:
            self.left.append((where, item, ours, theirs))
        return False

    def report(self, show, out=sys.stdout):
        print(f"{self.compared} answers compared, {sum(self.explained.values())} differ as docs/interop/dovecot.md says, "
              f"{len(self.left)} otherwise", file=out)
        for rule, count in self.explained.most_common():
            print(f"  {count:6} {rule}", file=out)
        kinds = collections.Counter(re.sub(r"\d+(\.\d+)*", "N", item) for _, item, _, _ in self.left)
        for kind, count in kinds.most_common():
            print(f"  LEFT {count:6} {kind}", file=out)
        shown = collections.Counter()
        for where, item, ours, theirs in self.left:
            kind = re.sub(r"\d+(\.\d+)*", "N", item)
            shown[kind] += 1
            if shown[kind] <= show:
                print(f"message {where} {item}\n  ours   {ours!r}\n  theirs {theirs!r}", file=out)


def compare_messages(ours, theirs, chosen, comparison):
    """The numbers of those that have the same envelope and a plain date, and all answers to FETCH by number."""
    same, all_answers = [], {}
    for number, octets in enumerate(chosen, 1):
        fixed = [server.fetch(number, FIXED) for server in (ours, theirs)]
        items = sections(*(one[b"BODYSTRUCTURE"] for one in fixed))
        parts = [server.fetch(number, items) for server in (ours, theirs)]
        answers = [fixed[i] | parts[i] for i in (0, 1)]
        all_answers[number] = answers
        for item in sorted((set(answers[0]) | set(answers[1])) - {b"UID"}):
            difference = dovecot_rules.Difference(octets, item.decode(), answers[0].get(item), answers[1].get(item), *answers)
            if comparison.see(number, difference) and item == b"ENVELOPE" and dovecot_rules.has_plain_date(octets):
                same.append(number)
    return same, all_answers


def compare_searches(ours, theirs, chosen, all_answers, comparison):
    for search in SEARCHES:
        answers = [server.numbers("SEARCH", search.encode()) for server in (ours, theirs)]
        found = [set(int(number) for number in answer.split()) for _, answer in answers]
        comparison.compared += len(chosen) - len(found[0] ^ found[1])
        for number in sorted(found[0] ^ found[1]):
            comparison.see(number, dovecot_rules.Difference(chosen[number - 1], f"SEARCH {search}", number in found[0],
                                                            number in found[1], *all_answers[number]))


def compare_orders(ours, theirs, numbers, comparison):
    """Of messages that have the same keys."""
    chosen = ",".join(str(number) for number in numbers).encode()
    orders = [("SORT", f"({criteria})") for criteria in CRITERIA]
    orders += [("THREAD", algorithm) for algorithm in ("REFERENCES", "ORDEREDSUBJECT")]
    for command, how in orders:
        answers = [server.numbers(command, how.encode(), b"UTF-8", chosen) for server in (ours, theirs)]
        comparison.see("all", dovecot_rules.Difference(b"", f"{command} {how}", *answers))


def compare(connect, connect_to_dovecot, chosen):
    """`connect`: opens a session with this server, whose INBOX is empty."""
    comparison = Comparison()
    servers = [Server("packetboat", connect), Server("dovecot", connect_to_dovecot)]
    for server in servers:
        for octets in chosen:
            server.append(octets)
        server.select()
    same, all_answers = compare_messages(*servers, chosen, comparison)
    compare_searches(*servers, chosen, all_answers, comparison)
    compare_orders(*servers, same, comparison)
    for server in servers:
        server.close()
    return comparison


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=3)
    options = parser.parse_args()
    chosen = messages(options.messages, options.seed)
    with dovecot.mailboxes() as connect_to_dovecot, running.running() as cluster:
        comparison = compare(lambda: reading.login(cluster, cluster.accounts[0]), connect_to_dovecot, chosen)
    comparison.report(options.show)
    return 1 if comparison.left else 0


if __name__ == "__main__":
    sys.exit(main())
