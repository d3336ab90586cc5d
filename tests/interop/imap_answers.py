"""What IMAP servers answer, as values that can be compared."""

import re

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|\(|\)|[^\s()"]*\[[^\]]*\](?:<\d+>)?|[^\s()"]+')
_LITERAL = re.compile(rb"~?\{(\d+)\}$")


class Text(bytes):
    """A string, quoted or a literal: `NIL` in it is no NIL."""

    def __repr__(self):
        return "Text" + super().__repr__()


def _unquoted(token):
    return Text(re.sub(rb"\\(.)", rb"\1", token[1:-1], flags=re.DOTALL))


def _tokens(pieces):
    """imaplib gives a line with a literal as (line up to it, literal)."""
    for piece in pieces:
        line, literal = piece if isinstance(piece, tuple) else (piece, None)
        if literal is not None:
            line = _LITERAL.sub(b"", line)
        for token in _TOKEN.findall(line):
            yield _unquoted(token) if token.startswith(b'"') else token
        if literal is not None:
            yield Text(literal)


def parse(pieces):
    """Nested lists of atoms (bytes), strings (Text) and None for NIL."""
    stack = [[]]
    for token in _tokens(pieces):
        if isinstance(token, Text):
            stack[-1].append(token)
        elif token == b"(":
            stack.append([])
        elif token == b")":
            closed = stack.pop()
            stack[-1].append(closed)
        else:
            stack[-1].append(None if token.upper() == b"NIL" else token)
    if len(stack) != 1:
        raise ValueError(f"brackets do not close: {pieces!r}")
    return stack[0]


def fetched(data):
    """{number: {item: value}} of what imaplib's fetch() returned."""
    messages, pieces = {}, []
    for piece in data or []:
        pieces.append(piece)
        if isinstance(piece, bytes):  # ends a response
            number, items = parse(pieces)
            pieces = []
            values = messages.setdefault(int(number), {})
            values.update({items[i].upper(): items[i + 1] for i in range(0, len(items), 2)})
    return messages


def part_numbers(structure):
    """(section, whether it is a message) of every part of a BODYSTRUCTURE."""
    return list(_parts_in(structure, ""))


def _parts_in(structure, prefix):
    """A message's parts: those of a multipart, or itself as the first."""
    children = structure[:_children(structure)] or [structure]
    for number, part in enumerate(children, 1):
        yield from _part(part, f"{prefix}{number}")


def _children(structure):
    """How many bodies a multipart begins with."""
    count = 0
    while count < len(structure) and isinstance(structure[count], list):
        count += 1
    return count


def _part(part, name):
    is_message = (not _children(part) and part[0].lower() == b"message" and part[1].lower() in (b"rfc822", b"global") and
                  len(part) > 8 and isinstance(part[8], list))
    yield name, is_message
    if _children(part):
        yield from _parts_in(part, f"{name}.")
    elif is_message:
        yield from _parts_in(part[8], f"{name}.")
