"""Bytes that are no JSON document, or one that two readers would understand differently; and what is no object."""

from __future__ import annotations

import json

from tests.unit.hostile.row import MIB, Row, conf, raw

GOOD = conf()


def _inside(member: str) -> bytes:
    """Return a good configuration with one more member, written as it is."""
    return GOOD[:-1] + b", " + member.encode("utf-8", "surrogatepass") + b"}"


ROWS: tuple[Row, ...] = (
    raw("nothing", b""),
    raw("white space", b" \n\t "),
    raw("half a document", GOOD[:-1]),
    raw("half a word", b"nul"),
    raw("two documents", GOOD + b"\n" + GOOD),
    raw("a document and a bracket", GOOD + b"}"),
    raw("a comma too many", GOOD[:-1] + b",}"),
    raw("single quotes", b"{'name': 'banknet'}"),
    raw("a comment", b"// banknet\n" + GOOD),
    raw("YAML", b"name: banknet\ntype: podberth\n"),
    raw("an executable", b"\x7fELF\x02\x01\x01\x00\x00"),
    raw("zeros", b"\0" * 64),
    raw("UTF-16", GOOD.decode().encode("utf-16")),
    raw("a byte order mark", b"\xef\xbb\xbf" + GOOD),
    raw("Latin-1", '{"name": "caf\u00e9"}'.encode("latin-1"), says="not UTF-8"),
    raw("an overlong slash", b'{"name": "a\xc0\xafb"}', says="not UTF-8"),
    raw("an encoded surrogate", _inside('"x": "\ud800"'), says="not UTF-8"),
    raw("a raw NUL in a string", _inside('"x": "a\0b"')),
    raw("a raw line break in a string", _inside('"x": "a\nb"')),
    raw("an unknown escape", _inside(r'"x": "\x41"')),
    raw("half an escape", _inside(r'"x": "\u12"')),
    raw("a key twice", _inside('"name": "other"'), says="'name' is there twice"),
    raw("a key twice, further in", _inside('"x": [{"id": 1, "id": 2}]'), says="'id' is there twice"),
    raw("a key twice, once escaped", _inside(r'"\u006eame": "other"'), says="'name' is there twice"),
    raw("a key twice, of a megabyte", _inside(f'"{"k" * 400_000}": 1, "{"k" * 400_000}": 1'), says="is there twice"),
    raw("a key twice among 90,000", b"{" + b"".join(b'"%d":0,' % i for i in range(90_000)) + b'"89999":0}'),
    raw("not a number", _inside('"mtu": NaN')),
    raw("infinity", _inside('"mtu": Infinity')),
    raw("minus infinity", _inside('"mtu": -Infinity')),
    raw("infinity by exponent", _inside('"mtu": 1e999')),
    raw("a number of 5000 digits", _inside(f'"mtu": {"9" * 5000}'), says="5000 digits"),
    raw("a number of half a megabyte", _inside(f'"mtu": {"9" * (MIB // 2)}')),
    raw("a fraction of half a megabyte that is infinite", _inside(f'"mtu": {"9" * (MIB // 2)}.5')),
    raw("a number in base 16", _inside('"mtu": 0x5dc')),
    raw("a number with a leading zero", _inside('"mtu": 01500')),
    raw("lists 65 deep", _inside('"x": ' + "[" * 65 + "]" * 65), says="levels of nesting"),
    raw("lists 100,000 deep", _inside('"x": ' + "[" * 100_000 + "]" * 100_000), says="levels of nesting"),
    raw("lists 100,000 deep and never closed", b"[" * 100_000),
    raw("objects 50,000 deep", b'{"x":' * 50_000 + b"1" + b"}" * 50_000, says="levels of nesting"),
    raw("more than a megabyte", _inside(f'"x": "{"x" * MIB}"'), says=f"at most {MIB} bytes"),
    raw("a list", b"[" + GOOD + b"]", at="document", code=7),
    raw("null", b"null", at="document", code=7),
    raw("true", b"true", at="document", code=7),
    raw("a number", b"7", at="document", code=7),
    raw("a string", json.dumps(GOOD.decode()).encode(), at="document", code=7),
    raw("a string of half a megabyte", b'"' + b"x" * (MIB // 2) + b'"', at="document", code=7),
    raw("an empty object", b"{}", at="name", code=7),
    raw("half a document for DEL", GOOD[:-1], verb="DEL"),
    raw("half a document for CHECK", GOOD[:-1], verb="CHECK"),
    raw("half a document for GC", GOOD[:-1], verb="GC"),
    raw("half a document for STATUS", GOOD[:-1], verb="STATUS"),
    raw("a key twice for DEL", _inside('"name": "other"'), verb="DEL", says="is there twice"),
    raw("a list for DEL", b"[]", at="document", code=7, verb="DEL"),
)
