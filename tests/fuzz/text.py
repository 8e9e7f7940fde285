"""How are texts, tables and arrays broken?  Every mutation is a function (random, bytes) -> bytes."""

import codecs
import io
import re
import warnings

import numpy as np

NUMBER = re.compile(rb"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?(?![\w.])")
WORD = re.compile(rb"[^\s=,\[\]{}\"']+")
EXTREMES = [
    b"nan", b"inf", b"-inf", b"-0", b"-0.0", b"0", b"-1", b"1", b"2", b"3.5", b"1e308", b"1e309", b"-1e308",
    b"1e-320", b"1e-300", b"1e12", b"1e18", b"1e9", b"1e5", b"1e-8", b"2147483647", b"2147483648", b"-2147483649",
    b"4294967296", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616",
    b"1" + 400 * b"0", 5000 * b"9", b"0." + 5000 * b"1", b"1.5D+01", b"1d3", b"0x10", b"1_000", b"1e", b"1.2.3", b"--1",
    b"1,5", b"true", "1\u00b2".encode(), "\u0663".encode(), "\uff11".encode(), b"NaN", b"Infinity", b"1e+-3", b"+",
    b"0b1", b"007",
]  # fmt: skip
WORDS = [
    b"", b"T", b"F", b"None", b"X", b"D", b"Zz", b"h", b"HE", b"..", b"/", b"zero", b"pipe", b"loop", b"folder",
    b"%s%n", b"{}", b"[]", b'"', b"'", b"\\", b"\\u0000", b"#", b"=", b"===", b"_JSON", b"_JSON {", b"_JSON [[[]]]",
    b"\x00", b"\x1b[31m", "\u202eabc".encode(), "\U0001f600".encode(), "e\u0301".encode(), b"\xff\xfe", b"\xe9",
    b"\xed\xa0\x80", 3000 * b"a", 300 * b"a/", b"con", b"-", b"--help", b"$(date)", b"a b", b"\t", b"*", b"~",
    b"file:///x", b"../outside",
]  # fmt: skip
VALUES = [
    b"[]", b"{}", b'""', b"true", b"[[]]", b"1979-05-27T07:32:00Z", b"07:32:00", b"[1, 2, 3]", b'["a", 1]',
    b"{ a = 1 }", b"[nan, inf]", b"'''x\n'''", 3000 * b"[" + 3000 * b"]", 300 * b"{a=" + b"1" + 300 * b"}", b"1e400",
    b"0o17", b"[1,]", b'"\\u0000"', b'"\\ud800"', b'["'+ 2000 * b'","'+ b'"]', b'"'+ 100000 * b"y" + b'"',
    b'"\\r\\n\\t"', b'"a\\u0000b"',
]  # fmt: skip


def _place(random, pattern, data):
    """A random match of a pattern, or None."""
    found = list(pattern.finditer(data))
    return random.choice(found) if found else None


def _replace(random, pattern, data, by):
    found = _place(random, pattern, data)
    return data[: found.start()] + by + data[found.end() :] if found else data + by


def _lines(data):
    return data.splitlines(keepends=True) or [b"\n"]


# --- bytes ------------------------------------------------------------------------------------------------------


def flip(random, data):
    if not data:
        return b"\x80"
    data = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 4, 32))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def truncate(random, data):
    return data[: random.randrange(len(data) + 1)]


def cut(random, data):
    start = random.randrange(len(data) + 1)
    return data[:start] + data[start + random.choice((1, 2, 8, 64, 512)) :]


def again(random, data):
    start = random.randrange(len(data) + 1)
    piece = data[start : start + random.choice((1, 8, 64, 512))]
    return data[:start] + piece * random.choice((2, 2, 3, 500)) + data[start:]


def insert(random, data):
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice((*WORDS, *EXTREMES, random.randbytes(16))) + data[at:]


def encode(random, data):
    """Other encodings and line ends."""
    text = data.decode("utf-8", "replace")
    return random.choice(
        (
            lambda: codecs.BOM_UTF8 + data,
            lambda: text.encode("utf-16"),
            lambda: text.encode("utf-32"),
            lambda: text.encode("utf-16-le"),
            lambda: codecs.BOM_UTF16_BE + data,
            lambda: data.replace(b"\n", b"\r\n"),
            lambda: data.replace(b"\n", b"\r"),
            lambda: data.replace(b" ", "\u00a0".encode()),
            lambda: data.replace(b"\n", "\u2028".encode()),
            lambda: data.replace(b" ", b"\t"),
            lambda: data.replace(b"\n", b"\n\n"),
            lambda: data.rstrip(b"\n"),
            lambda: data + b"\x00" * 4096,
            lambda: b"",
            lambda: b"\n" * 10000 + data,
            lambda: random.randbytes(len(data)),
        )
    )()


# --- words and lines ----------------------------------------------------------------------------------------------


def number(random, data):
    return _replace(random, NUMBER, data, random.choice(EXTREMES))


def numbers(random, data):
    """All numbers of a line."""
    lines = _lines(data)
    k = random.randrange(len(lines))
    lines[k] = NUMBER.sub(random.choice(EXTREMES[:20]).replace(b"\\", b""), lines[k])
    return b"".join(lines)


def digit(random, data):
    """One digit, or the exponent of a number."""
    found = _place(random, NUMBER, data)
    if not found:
        return data
    by = found.group().replace(b"%d" % random.randrange(10), b"%d" % random.randrange(10))
    by = random.choice((by, by + b"e%d" % random.choice((3, 6, -6, 30)), b"-" + by, by + b"0", by.replace(b".", b"")))
    return data[: found.start()] + by + data[found.end() :]


def word(random, data):
    return _replace(random, WORD, data, random.choice(WORDS))


def other_word(random, data):
    found = _place(random, WORD, data)
    return _replace(random, WORD, data, found.group()) if found else data


def letter(random, data):
    """A spelling mistake, or another case."""
    found = _place(random, re.compile(rb"[A-Za-z]{2,}"), data)
    if not found:
        return data
    text = found.group()
    k = random.randrange(len(text))
    by = random.choice((text[:k] + text[k + 1 :], text.upper(), text.swapcase(), text[:k] + b"x" + text[k:], text * 2))
    return data[: found.start()] + by + data[found.end() :]


def drop_word(random, data):
    return _replace(random, WORD, data, b"")


def line(random, data):
    lines = _lines(data)
    k, other = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(7):
        case 0:
            del lines[k]
        case 1:
            lines.insert(other, lines[k])
        case 2:
            lines[k], lines[other] = lines[other], lines[k]
        case 3:
            lines[k] = lines[k] * random.choice((2, 1000))
        case 4:
            lines[k] = lines[k].rstrip(b"\n")
        case 5:
            del lines[k : k + random.randrange(1, 6)]
        case 6:
            lines[k] = lines[k].rstrip(b"\n") * random.choice((2, 300)) + b"\n"
    return b"".join(lines)


def value(random, data):
    """The right-hand side of a key of TOML."""
    return _replace(random, re.compile(rb"(?<== )[^\n]+"), data, random.choice((*VALUES, *EXTREMES)))


def key(random, data):
    """The left-hand side."""
    by = (b"a", b'""', b"a.b.c", 1000 * b"a." + b"a", b'"\\u0000"', b'"a b"', b"[x]", b"\xff", b"type", b"file")
    return _replace(random, re.compile(rb"(?m)^[\w.]+(?= =)"), data, random.choice(by))


def section(random, data):
    """A section taken out, doubled, renamed, or made a list."""
    found = _place(random, re.compile(rb"(?ms)^\[.*?(?=^\[|\Z)"), data)
    if not found:
        return data
    text = found.group()
    by = random.choice((b"", text * 2, text.replace(b"[", b"[[", 1).replace(b"]", b"]]", 1), b"[x]\n" + text, text[1:]))
    return data[: found.start()] + by + data[found.end() :]


BYTES = [flip, truncate, cut, again, insert, encode]
TEXT = [*BYTES, number, number, number, numbers, digit, digit, word, word, other_word, letter, drop_word, line, line]
TOML = [*TEXT, value, value, value, key, section]


def header(random, data):
    """Text mutations of the second line of the first frame of extxyz alone."""
    lines = _lines(data)
    if len(lines) < 2:
        return data
    lines[1] = random.choice(TEXT)(random, lines[1].rstrip(b"\n")).replace(b"\n", b" ") + b"\n"
    return b"".join(lines)


def settings(random, data):
    """A word after `=` in a comment line of extxyz becomes another."""
    by = random.choice((*EXTREMES, *WORDS, b'"1 2 3"'))
    return _replace(random, re.compile(rb'(?<==)("[^"\n]*"|[^\s"]+)'), data, by)


HEADER = [header, header, header, settings]


# --- NumPy arrays --------------------------------------------------------------------------------------------------


def array_head(random, data):
    """The text that says dtype, order and shape."""
    size = 10 + int.from_bytes(data[8:10], "little")
    head = data[10:size]
    by = random.choice(
        (
            lambda: re.sub(rb"'shape': \([^)]*\)", b"'shape': (%s)" % random.choice(SHAPES), head),
            lambda: re.sub(rb"'descr': '[^']*'", b"'descr': " + random.choice(DESCRIPTIONS), head),
            lambda: head.replace(b"False", random.choice((b"True", b"None", b"1"))),
            lambda: random.choice(TEXT)(random, head),
            lambda: random.choice((b"__import__('os').system('true')", 1000 * b"(" + 1000 * b")", b"{}", 60000 * b" ")),
        )
    )()
    by = by.rstrip() + b"\n"
    return data[:8] + (len(by) & 0xFFFF).to_bytes(2, "little") + by + data[size:]


SHAPES = [
    b"1000000000000, 9", b"-1, 9", b"", b"0,", b"0, 9", b"9,", b"1, 1, 9", b"4611686018427387904, 4", b"2, 9.0",
    b"'9',",
]  # fmt: skip
DESCRIPTIONS = [
    b"'|O'", b"'<f4'", b"'<f2'", b"'>f8'", b"'<c16'", b"'|S8'", b"'<U2'", b"'<M8[s]'", b"[('a', '<f8')]", b"'|V0'",
]  # fmt: skip


def array(random, data):
    """Its values, shape and type, by NumPy."""
    try:
        values = np.atleast_1d(np.load(io.BytesIO(data), allow_pickle=False))
    except Exception:  # NumPy's reader raises many kinds
        return flip(random, data)
    flat = values.reshape(-1)
    if flat.size and random.random() < 0.5 and values.dtype.kind == "f":
        flat[random.randrange(flat.size)] = random.choice((np.nan, np.inf, 1e308, -1e12, 0.0, 1e-310, 1e5))
    change = random.choice(
        (
            lambda: values,
            lambda: values.T,
            lambda: values[:0],
            lambda: flat,
            lambda: values[:, :-1] if values.ndim > 1 else values[:-1],
            lambda: np.asfortranarray(values),
            lambda: values.astype(random.choice(("f4", "f2", "c16", "i8", "S8", "U8", "?", "i1", "u8"))),
            lambda: np.concatenate([values, values]),
            lambda: values[None],
            lambda: np.float64(3.0),
            lambda: np.zeros(values.shape),
        )
    )
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            values = change()
    except Exception:  # records and texts are no numbers
        return flip(random, data)
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


ARRAY = [*BYTES, array_head, array_head, array, array, array]
