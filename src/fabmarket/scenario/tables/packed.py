"""Packages of XML, as workbooks and AASX files are: bounded before a library unpacks them."""

import io
import re
import zipfile
import zlib
from collections import Counter

from fabmarket.scenario.model import shown
from fabmarket.scenario.texts import MalformedText

LARGEST_UNPACKED = 64 * 2**20
"""Bytes of all parts together: a sheet of 100,000 rows has some tens of them."""
MOST_PARTS = 2_000
MOST_ELEMENTS = 1_200_000
"""Of XML in all parts: two or three for each cell of a workbook that is read."""
_ENCODINGS = {"utf-8", "utf-16", "us-ascii", "ascii", "iso-8859-1"}
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")


def check_package(data: bytes, name: str) -> None:
    """Raise MalformedText for a package that unpacks too far, or whose XML declares entities.

    A part that is there twice is refused, because which one counts is every program's own choice.

    Nothing in such a file needs a document type, and each one that is there is refused, whatever
    the library that reads it next would do about it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = package.infolist()
            size = sum(part.file_size for part in parts)
            if len(parts) > MOST_PARTS or size > LARGEST_UNPACKED:
                problem = f"unpacks to {size} bytes in {len(parts)} parts, and at most"
                most = f"{LARGEST_UNPACKED} in {MOST_PARTS} are read; give a smaller file"
                raise MalformedText(f"{name}: {problem} {most}")
            names = Counter(part.filename.lower() for part in parts)
            twice = next((each for each, count in names.items() if count > 1), None)
            if twice is not None:
                raise MalformedText(f"{name}: part {shown(twice)} is there twice; save it again")
            elements = 0
            for part in parts:
                # Reading stops at the size that was declared, and fails if there is more.
                elements += _elements(package.read(part), f"{name}: part {part.filename!r}"[:200])
                if elements > MOST_ELEMENTS:
                    problem = f"has more than {MOST_ELEMENTS} elements of XML"
                    raise MalformedText(f"{name}: {problem}; give a smaller file")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        problem = f"is no whole package ({error}); save it again"
        raise MalformedText(f"{name}: {problem}") from None
    except zlib.error as error:
        raise MalformedText(f"{name}: is damaged ({error}); save it again") from None


def _elements(content: bytes, where: str) -> int:
    """How many elements the XML of a part has; MalformedText for what none may hold."""
    plain = content.replace(b"\0", b"")  # of UTF-16
    start = plain.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:200]
    if not start.startswith(b"<"):
        return 0  # a picture; a parser of XML refuses it
    declared = _DECLARED.match(start)
    encoding = declared[1].decode("ascii", "replace").lower() if declared else "utf-8"
    if encoding not in _ENCODINGS:
        raise MalformedText(f"{where} is written in {encoding[:40]!r}; save the file as UTF-8")
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise MalformedText(f"{where} declares a document type or entities; no such file is read")
    return plain.count(b"<") - plain.count(b"</")
