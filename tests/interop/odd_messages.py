"""Messages as nobody should write them, made from a seed: the same ones on every machine."""

import base64
import random

_ATOMS = [b"a", b"Bob", b"\"q. r\"", b"=?utf-8?q?Zo=C3=AB?=", b"(comment)", b"\"\\\"x\\\\\"", b"\xc3\xa9", b"x y", b"\"\"", b"."]
_HOSTS = [b"example.org", b"[192.0.2.1]", b"a..b", b"x", b"", b"exa mple.org", b"(c)example.org", b"EXAMPLE.org."]
_CHARSETS = [b"utf-8", b"iso-8859-1", b"us-ascii", b"x-none", b"koi8-r", b"\"utf-8\"", b"", b"windows-1252"]
_ENCODINGS = [b"7bit", b"8bit", b"base64", b"quoted-printable", b"Base64 ", b"x-uuencode", b"\"base64\"", b"", b"binary",
              b"base64 (comment)"]
_TYPES = [b"text/plain", b"TEXT/HTML", b"text", b"image/png", b"application/octet-stream", b"message/rfc822", b"text/", b"/plain",
          b"message/partial", b"a/b/c", b"text / plain", b"multipart/mixed", b"message/delivery-status", b"message/external-body"]
_SUBJECTS = [b"x", b"Re: x", b"=?utf-8?q?=C3=A4?= b", b"[a] fwd: x", b"", b"=?x-none?q?a?=", b"Re: [fwd: y] (fwd)", b"\tfolded\r\n\t line",
             b"\xe4\xf6", b"=?utf-8?b?w6Q=?= =?utf-8?b?w6Q=?=", b"\"quoted\" \\ back"]
_DATES = [b"Mon, 1 Jan 2024 12:00:00 +0000", b"1 Jan 24 12:00 EST", b"Mon, 31 Feb 2024 25:00:00 +0000", b"yesterday", b"",
          b"Fri, 21 Nov 1997 09:55:06 -0600 (CST)", b"21 Nov 1997 9:5:6 GMT", b"Thu, 01 Jan 1970 00:00:00 +1400",
          b"Sat, 1 Jan 2000 10:00:00 +2500", b"Wed, 3 Mar 2021 03:03:03"]
_PARAMETERS = [b"name=a.txt", b"name=\"a b.txt\"", b"name*=utf-8''%C3%A4.txt", b"name*0=a; name*1=b", b"format=flowed", b"x", b"=y",
               b"name=a b", b"charset=utf-8; charset=koi8-r", b"name=\"unclosed", b"(c) name=(d)z"]
_BODIES = [b"hello\r\n", b"", b"\r\n", b"no end", b"caf\xc3\xa9\r\n", b"caf\xe9\r\n", b"caf=C3=A9 =\r\nau lait=\r\n", b"--b1\r\nnot a part\r\n",
           base64.encodebytes(b"attached octets " * 20).replace(b"\n", b"\r\n"), b"AAEC", b"A A=E=\r\nC!", b"-- \r\nsignature\r\n",
           b"x" * 1200 + b"\r\n", b"From bob\r\n.\r\n..\r\n"]


class Writer:
    """One message after the other."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def message(self):
        return self._entity(depth=0, is_message=True)

    def damaged(self, octets):
        """Real octets with something taken away, doubled or put in; lines end as they did."""
        lines = octets.split(b"\r\n")
        for _ in range(self._random.randint(1, 4)):
            at = self._random.randrange(len(lines))
            what = self._random.randrange(6)
            if what == 0:
                del lines[at]
            elif what == 1:
                lines.insert(at, lines[self._random.randrange(len(lines))] if lines else b"")
            elif what == 2:
                lines[at] = lines[at][:self._random.randint(0, len(lines[at]))]
            elif what == 3:
                lines.insert(at, b"")
            elif what == 4:
                lines[at] = lines[at].replace(b":", b" ").replace(b";", b"")
            else:
                lines = lines[:at + 1]
            lines = lines or [b""]
        return b"\r\n".join(lines)

    def _pick(self, choices):
        return self._random.choice(choices)

    def _chance(self, percent):
        return self._random.randrange(100) < percent

    def _addresses(self):
        kinds = []
        for _ in range(self._random.randint(0, 3)):
            address = self._pick(_ATOMS) + b"@" + self._pick(_HOSTS)
            kinds.append(self._pick([address, b"<" + address + b">", self._pick(_ATOMS) + b" <" + address + b">", self._pick(_ATOMS),
                                     b"<@r1,@r2:" + address + b">", b"Group: " + address + b", " + address + b";", b"undisclosed:;",
                                     self._pick(_ATOMS) + b" <" + address, address + b" (" + self._pick(_ATOMS) + b")", b"<>"]))
        return self._pick([b", ", b",\r\n ", b",,", b"; "]).join(kinds)

    def _content_type(self, boundary):
        kind = b"multipart/" + self._pick([b"mixed", b"alternative", b"digest", b"x"]) if boundary else self._pick(_TYPES)
        parameters = [self._pick(_PARAMETERS) for _ in range(self._random.randint(0, 2))]
        if boundary:
            parameters.append(b"boundary=" + self._pick([boundary, b"\"" + boundary + b"\""]))
        elif self._chance(40):
            parameters.append(b"charset=" + self._pick(_CHARSETS))
        return b"Content-Type: " + self._pick([b"; ", b";\r\n\t", b";"]).join([kind] + parameters)

    def _message_fields(self):
        fields = []
        if self._chance(80):
            fields.append(b"Subject: " + self._pick(_SUBJECTS))
        if self._chance(80):
            fields.append(b"Date: " + self._pick(_DATES))
        for name in (b"From", b"To", b"Cc", b"Bcc", b"Sender", b"Reply-To", b"To"):
            if self._chance(50):
                fields.append(name + self._pick([b": ", b":", b" : "]) + self._addresses())
        if self._chance(60):
            fields.append(b"Message-ID: <%d@odd.example>" % self._random.randrange(10 ** 6))
        if self._chance(30):
            fields.append(b"In-Reply-To: <%d@odd.example>" % self._random.randrange(100))
        if self._chance(20):
            fields.append(self._pick([b"no field", b"X-Odd:", b"Subject: second", b"\xff: x", b": empty", b"Re ply: x"]))
        return fields

    def _entity(self, depth, is_message):
        multipart = depth < 4 and self._chance(35)
        boundary = self._pick([b"b1", b"b2", b"b1x", b"=_b", b"b 1"]) if multipart else b""
        fields = self._message_fields() if is_message else []
        if multipart or self._chance(70):
            fields.append(self._content_type(boundary))
        for name, values, percent in ((b"Content-Transfer-Encoding", _ENCODINGS, 0 if multipart else 40),
                                      (b"Content-Disposition", [b"inline", b"attachment; filename=x", b"", b"; x=y"], 20),
                                      (b"Content-ID", [b"<1@x>", b"one"], 10),
                                      (b"Content-Description", [b"d", b"=?utf-8?q?=C3=A4?="], 10),
                                      (b"Content-Language", [b"en", b"en, de", b""], 10),
                                      (b"Content-Location", [b"http://x/"], 5), (b"Content-MD5", [b"Q2hlY2s="], 5)):
            if self._chance(percent):
                fields.append(name + b": " + self._pick(values))
        self._random.shuffle(fields)
        end = b"" if not is_message and self._chance(5) else b"\r\n"
        header = b"".join(field + b"\r\n" for field in fields)
        return header + end + self._body(depth, boundary, header)

    def _body(self, depth, boundary, header):
        if boundary:
            parts = [self._entity(depth + 1, is_message=False) for _ in range(self._random.randint(0, 3))]
            opening = self._pick([b"", b"preamble\r\n", b"\r\n"])
            closing = self._pick([b"--\r\n", b"--", b"", b"--\r\nepilogue\r\n"])
            body = opening + b"".join(b"--" + boundary + self._pick([b"\r\n", b" \r\n"]) + part + b"\r\n" for part in parts)
            return body + (b"--" + boundary + closing if closing else b"")
        if b"message/rfc822" in header and depth < 4:
            return self._entity(depth + 1, is_message=True)
        return self._pick(_BODIES)


def nested(depth):
    """Multiparts in one another."""
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(depth))
    closing = b"".join(b"\r\n--b%d--\r\n" % i for i in reversed(range(depth)))
    return b"Subject: nested %d\r\n" % depth + opening + b"\r\ninnermost" + closing


def wide(parts):
    """One multipart with many parts."""
    return (b"Subject: wide %d\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" % parts +
            b"".join(b"--b\r\n\r\npart %d\r\n" % number for number in range(parts)) + b"--b--\r\n")
