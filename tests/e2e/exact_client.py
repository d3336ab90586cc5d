"""An SMTP and an LMTP client that send octets exactly as they are given."""

import re
import smtplib

HELLO = "sender.example"
SENDER = "real@sender.example"


def quoted(octets):
    """As they go out after DATA, RFC 5321 s4.5.2."""
    return re.sub(rb"(?m)^\.", b"..", octets)


class Client(smtplib.SMTP):
    """Sends octets exactly as they are, dots aside, and says what the server said."""

    def send_one(self, recipient, octets, options=(), pipelined=False, sender=SENDER):
        """The last reply, (code, text)."""
        mail = f"MAIL FROM:<{sender}>{''.join(' ' + one for one in options)}\r\n"
        commands = [mail, f"RCPT TO:<{recipient}>\r\n", "DATA\r\n"]
        if pipelined:
            self.sock.sendall("".join(commands).encode())
            replies = [self.getreply() for _ in commands]
        else:
            replies = []
            for command in commands:
                self.sock.sendall(command.encode())
                replies.append(self.getreply())
        if [code for code, _ in replies] != [250, 250, 354]:
            raise smtplib.SMTPException(f"{replies}")
        self.sock.sendall(quoted(octets) + b".\r\n")
        return self.getreply()


class LmtpClient(Client):
    ehlo_msg = "lhlo"
