"""Where this server and Dovecot differ, and may: each rule is a heading of docs/interop/dovecot.md.

A rule asks for its reason in the message or in the answer, not only for a difference.
"""

import dataclasses
import re


@dataclasses.dataclass
class Difference:
    """One answer of both, about the message `octets`, with all that FETCH made them say about it."""
    octets: bytes
    item: str
    ours: object
    theirs: object
    all_ours: dict = dataclasses.field(default_factory=dict)
    all_theirs: dict = dataclasses.field(default_factory=dict)

    def differs(self, item):
        return self.all_ours.get(item) != self.all_theirs.get(item)


def explain(difference):
    """The rule by which the two answers differ; None if there is none."""
    for name, applies in _RULES:
        if applies(difference):
            return name
    return None


# What is in a message

_STRICT_DATE = re.compile(rb"\s*((Mon|Tue|Wed|Thu|Fri|Sat|Sun),\s+)?\d{1,2}\s+(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+"
                          rb"\d{4}\s+([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?\s+[+-]([01]\d|2[0-3])[0-5]\d(\s*\([^()]*\))?\s*")
_TOKEN = rb"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+"
_PARAMETERS = rb"(\s*;\s*" + _TOKEN + rb"=(" + _TOKEN + rb'|"[^"\\]*"))*\s*;?\s*'
_STRICT = {
    b"content-type": re.compile(rb"\s*" + _TOKEN + rb"/" + _TOKEN + _PARAMETERS),
    b"content-disposition": re.compile(rb"\s*" + _TOKEN + _PARAMETERS),
    b"content-transfer-encoding": re.compile(rb"\s*(7bit|8bit|binary|base64|quoted-printable)\s*", re.IGNORECASE),
    b"content-id": re.compile(rb"\s*<[^<>\s]+@[^<>\s]+>\s*"),
}
_FIELD = re.compile(rb"(?im)^(content-[a-z0-9-]+)[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)")


def _has_odd_mime_fields(octets):
    """Whether some MIME field breaks its grammar (RFC 2045 s5.1, RFC 2183 s2), stands twice, or has lines that are none beside it."""
    for header in octets.split(b"\r\n\r\n"):
        names = []
        for name, value in _FIELD.findall(header):
            name = name.lower()
            names.append(name)
            if name in _STRICT and not _STRICT[name].fullmatch(value):
                return True
            if not value.strip():
                return True
        if len(names) != len(set(names)):
            return True
        lines = header.strip(b"\r\n").split(b"\r\n")
        if names and any(not re.match(rb"[!-9;-~]+:|[ \t]|--|From ", line) for line in lines):
            return True
    return False


def _header(octets):
    return b"" if octets.startswith(b"\r\n") else octets.split(b"\r\n\r\n")[0]


def _date(octets):
    match = re.search(rb"(?im)^date[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", _header(octets))
    return match and match.group(1)


def has_plain_date(octets):
    """Whether its Date, if there is one, is as RFC 5322 writes dates today, and after 1970."""
    date = _date(octets)
    return date is None or (_STRICT_DATE.fullmatch(date.strip(b"\r")) is not None and b" 1970 " not in date)


def _has_doubled_fields(octets):
    names = re.findall(rb"(?im)^(subject|date|from|to|cc|bcc|sender|reply-to|message-id|in-reply-to)[ \t]*:",
                       _header(octets))
    return len(names) != len({name.lower() for name in names})


def _has_odd_lists(octets):
    """Whether addresses stand between something other than single commas, or in brackets that do not close."""
    values = re.findall(rb"(?im)^(?:from|to|cc|bcc|sender|reply-to)[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", octets)
    return any(re.search(rb";|,\s*,", value) or value.count(b"<") != value.count(b">") for value in values)


def _has_header_end(octets):
    return b"\r\n\r\n" in b"\r\n" + octets


# What an answer is like

def _map(value, change):
    return [_map(one, change) for one in value] if isinstance(value, list) else change(value)


def _flat(value):
    if isinstance(value, list):
        for one in value:
            yield from _flat(one)
    else:
        yield value


_PLACEHOLDERS = {b"MISSING_DOMAIN", b"MISSING_MAILBOX", b"SYNTAX_ERROR", b"INVALID_ROUTE"}


def _has_placeholders(value):
    return any(one in _PLACEHOLDERS for one in _flat(value))


def _lower(value):
    return value.lower() if isinstance(value, bytes) else value


def _one_space(value):
    return re.sub(rb"[ \t\r\n]+", b" ", value).strip() if isinstance(value, bytes) else value


def _one_language(body):
    """A list of one string as that string."""
    if isinstance(body, list):
        return body[0] if len(body) == 1 and isinstance(body[0], bytes) else [_one_language(one) for one in body]
    return body


def _is_multipart(body):
    return isinstance(body[0], list)


def _bodies(body):
    """A body and all below it."""
    yield body
    for one in body:
        if isinstance(one, list) and one and (_is_multipart(one) or (len(one) > 6 and isinstance(one[0], bytes))):
            yield from _bodies(one)


def _sizes(body):
    return _map(body, lambda one: b"0" if isinstance(one, bytes) and type(one) is bytes and one.isdigit() else one)  # pylint: disable=unidiomatic-typecheck


# The rules

def _is_structure(one):
    return one.item in ("BODY", "BODYSTRUCTURE")


def _is_part(one):
    return re.match(r"(BODY|BINARY|BINARY\.SIZE)\[\d", one.item) is not None


def _search(one, *keys):
    return any(one.item.startswith(f"SEARCH {prefix}{key} ") for key in keys for prefix in ("", "CHARSET UTF-8 ", "NOT ", "OR "))


def _missing_addresses(one):
    if one.item == "ENVELOPE":
        return _has_placeholders(one.theirs) or _has_odd_lists(one.octets)
    return _search(one, "FROM", "TO", "CC", "BCC") and (
        _has_placeholders(one.all_theirs.get(b"ENVELOPE") or []) or one.differs(b"ENVELOPE"))


def _inner_addresses(one):
    return _is_structure(one) and _has_placeholders(one.theirs)


def _folds(one):
    return one.item == "ENVELOPE" and _map(one.ours, _one_space) == _map(one.theirs, _one_space)


def _inner_folds(one):
    return _is_structure(one) and (_sizes(_one_language(_map(_map(one.ours, _lower), _one_space))) ==
                                   _sizes(_one_language(_map(_map(one.theirs, _lower), _one_space))))


def _doubled_fields(one):
    return (one.item == "ENVELOPE" or _search(one, "SUBJECT", "FROM", "TO", "CC", "BCC")) and _has_doubled_fields(one.octets)


def _extended_parameters(one):
    return (_is_structure(one) or _is_part(one)) and re.search(rb"(?i)[a-z]\*[0-9]*\*?=", one.octets) is not None


def _lone_mime_fields(one):
    return (_is_structure(one) or _is_part(one)) and not re.search(rb"(?im)^(content-type|mime-version)[ \t]*:", _header(one.octets))


def _boundary_prefix(one):
    if not (_is_structure(one) or _is_part(one)):
        return False
    boundaries = re.findall(rb'(?i)boundary="?([^";\r\n]+)', one.octets)
    return any(re.search(rb"(?m)^--" + re.escape(boundary) + rb"[^\s-]", one.octets) for boundary in boundaries)


def _case(one):
    return _is_structure(one) and _one_language(_map(one.ours, _lower)) == _one_language(_map(one.theirs, _lower))


def _not_there(one):
    return one.item.startswith("BODY[") and one.ours is None and one.theirs == b""


def _no_parts(one):
    """A multipart of which only Dovecot says that it is one, or has a part without octets."""
    theirs, ours = one.all_theirs.get(b"BODY"), one.all_ours.get(b"BODY")
    if not (_is_structure(one) or _is_part(one)) or theirs is None or ours is None:
        return False
    count = [sum(_is_multipart(body) for body in _bodies(all_of)) for all_of in (ours, theirs)]
    return count[1] > count[0]


def _invalid_type(one):
    theirs = one.all_theirs.get(b"BODY")
    return (_is_structure(one) or _is_part(one)) and any(not _is_multipart(body) and b"" in body[:2] for body in _bodies(theirs))


def _boundary_line_end(one):
    if _is_structure(one):
        return _sizes(_one_language(_map(one.ours, _lower))) == _sizes(_one_language(_map(one.theirs, _lower)))
    if not one.item.startswith(("BODY[", "BINARY[")) or not isinstance(one.ours, bytes) or not isinstance(one.theirs, bytes):
        return False
    if "HEADER.FIELDS" in one.item and b"\r\n--" in one.theirs:
        return one.theirs.startswith(one.ours)  # and goes on behind the boundary
    return one.theirs == one.ours + b"\r\n" or one.ours == one.theirs + b"\r\n"


def _odd_mime(one):
    return (_is_structure(one) or _is_part(one)) and _has_odd_mime_fields(one.octets)


def _no_empty_line(one):
    return "HEADER.FIELDS" in one.item and isinstance(one.ours, bytes) and isinstance(one.theirs, bytes) and (
        one.theirs == one.ours + b"\r\n" or one.ours == one.theirs + b"\r\n" or
        (one.item.endswith(">") and not _has_header_end(one.octets)))


def _lines_that_are_no_fields(one):
    return "HEADER.FIELDS" in one.item and any(
        line and not re.match(rb"[!-9;-~]+[ \t]*:|[ \t]", line) for line in _header(one.octets).split(b"\r\n"))


def _binary_of_containers(one):
    match = re.match(r"BINARY(?:\.SIZE)?\[([\d.]*)\]", one.item)
    if not match:
        return False
    whole = one.all_theirs.get(f"BODY[{match.group(1)}]".encode())
    return whole is not None and (b"boundary" in one.octets.lower() or b"message/" in one.octets.lower())


def _refused(one):
    return one.item.startswith("BINARY") and isinstance(one.theirs, tuple)


def _damaged_encoding(one):
    """Both decode what is no encoding, and go on in different ways."""
    return one.item.startswith("BINARY") and _has_odd_encoding(one.octets)


def _has_odd_encoding(octets):
    return re.search(rb"(?i)content-transfer-encoding[ \t]*:\s*\"?(base64|quoted-printable)", octets) is not None


def _no_date(one):
    if not _search(one, "SENTBEFORE", "SENTON", "SENTSINCE"):
        return False
    return not _date(one.octets) or not has_plain_date(one.octets)


def _headers_of_parts(one):
    return _search(one, "BODY") and one.ours and (b"boundary" in one.octets.lower() or b"message/" in one.octets.lower())


def _odd_texts(one):
    return _search(one, "BODY", "TEXT") and (_has_odd_mime_fields(one.octets) or one.differs(b"BODY"))


def _unknown_charset(one):
    return _search(one, "SUBJECT", "TEXT", "BODY") and re.search(rb"(?i)x-none|unknown-8bit|x-unknown", one.octets) is not None


_RULES = [
    ("Addresses that break the grammar", _missing_addresses),
    ("Addresses that break the grammar", _inner_addresses),
    ("Folded lines in the envelope", _folds),
    ("Case, and a single language", _case),
    ("Sections that are not there", _not_there),
    ("Encodings that are damaged", _refused),
    ("Multiparts without parts", _no_parts),
    ("Content-Type that is none", _invalid_type),
    ("The line end before a boundary", _boundary_line_end),
    ("The empty line behind picked fields", _no_empty_line),
    ("Lines of a header that are no fields", _lines_that_are_no_fields),
    ("Folded lines in the envelope", _inner_folds),
    ("Fields that stand twice", _doubled_fields),
    ("Parameters as RFC 2231 writes them", _extended_parameters),
    ("Boundaries with something behind them", _boundary_prefix),
    ("MIME fields of a message that is no MIME", _lone_mime_fields),
    ("MIME fields that break the grammar", _odd_mime),
    ("BINARY of what is no leaf", _binary_of_containers),
    ("Encodings that are damaged", _damaged_encoding),
    ("Messages without a date", _no_date),
    ("Where BODY looks", _headers_of_parts),
    ("MIME fields that break the grammar", _odd_texts),
    ("Unknown charsets", _unknown_charset),
]
