"""What a large mailbox costs the store that has it: by hand.

    python3 -m tests.bench.large_mailbox --messages 1000000

One message, copied until there are so many; then sessions that open the mailbox, and the resident memory of the store's process.
"""

import argparse
import imaplib
import re
import time

from tests.e2e import reading, running

MESSAGE = (b"From: Sender <sender@example.org>\r\nTo: alice@example.test\r\nSubject: one of many\r\n"
           b"Date: Mon, 1 Jan 2024 12:00:00 +0000\r\nMessage-ID: <%d@example.org>\r\n\r\nhello\r\n")
FIRST = 1000  # messages that are no copies


def resident_bytes(process):
    with open(f"/proc/{process.child.pid}/status", encoding="utf-8") as status:
        return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def fill(imap, messages):
    for number in range(min(FIRST, messages)):
        imap.append("INBOX", None, None, MESSAGE % number)
    count = int(imap.select("INBOX")[1][0])
    while count < messages:
        part = min(count, messages - count)
        status, answer = imap.copy(f"1:{part}", "INBOX")
        if status != "OK":
            raise imaplib.IMAP4.error(f"COPY: {answer}")
        imap.noop()
        count += part
        print(f"{count} messages", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=int, default=4)
    options = parser.parse_args()
    with running.running() as cluster:
        account, process = cluster.accounts[0], cluster.processes["store1"]
        with reading.login(cluster, account, timeout=3600) as imap:
            fill(imap, options.messages)
        sessions = [reading.login(cluster, account, timeout=3600) for _ in range(options.sessions)]
        before = resident_bytes(process)
        for imap in sessions:
            start = time.monotonic()
            imap.select("INBOX", readonly=True)
            now = resident_bytes(process)
            print(f"SELECT: {time.monotonic() - start:.2f} s, {(now - before) / options.messages:.1f} octets for each message")
            before = now
        for command in (("SEARCH", "UNSEEN"), ("SORT", "(SUBJECT DATE)", "UTF-8", "ALL"), ("FETCH", "1:*", "(FLAGS UID)")):
            start = time.monotonic()
            # Its answer is thrown away as it comes.
            tag = sessions[0]._command(*command)  # pylint: disable=protected-access
            while not sessions[0].readline().startswith(tag):
                pass
            print(f"{command[0]}: {time.monotonic() - start:.2f} s, {resident_bytes(process) / options.messages:.1f} octets in all")


if __name__ == "__main__":
    main()
