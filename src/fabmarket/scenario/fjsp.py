"""Job-shop instances in the field's plain text formats, flexible or not.

Flexible: the first line holds the number of jobs and of machines, and in many copies a third
number, the average number of machines per operation, which is not needed and ignored. Then comes
one line per job: the number of operations, and for each operation the number of machines that can
do it followed by that many pairs ``machine time``.

Plain: the first line is the same, and each job's line holds one pair ``machine time`` for each
machine of the shop. So is read what is no flexible instance, and whose job lines all hold twice as
many numbers as there are machines.

Spacing, empty lines and lines that begin with # are free; a job stays on its line.

Machines count from 1, as in the instances as their authors published them, or from 0, as in some
collections and in plain instances. A file that names machine 0 counts from 0, one that names the
machine equal to its number of machines counts from 1, and a flexible one that names neither is read
as counting from 1.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from fabmarket.errors import Refused
from fabmarket.scenario.model import shown

LARGEST_NUMBER = 10**9
LARGEST_HEADER = 10_000
"""Bounds on times and on the counts of jobs, machines and operations of a job, far above any
published instance."""
_LAYOUTS = (
    "Job lines are flexible (the number of operations, then for each the number of machines and so"
    " many pairs machine time) or plain (a pair machine time for each machine)"
)


class MalformedFjsp(Refused):
    """Text that is not a job-shop instance.

    The message reads ``file:line:column: what is wrong; the remedy``; both count from 1.
    """

    def __init__(self, file: str, line: int, column: int, problem: str) -> None:
        super().__init__(f"{file}:{line}:{column}: {problem}")
        self.file = file
        self.line = line
        self.column = column
        self.problem = problem


@dataclass(frozen=True)
class Operation:
    """One step of a job: (machine, time) pairs, machines from 0, each named once, time >= 0."""

    alternatives: tuple[tuple[int, int], ...]

    @property
    def takes_time(self) -> bool:
        """Whether it takes time on every machine that can do it."""
        return all(time for _, time in self.alternatives)


@dataclass(frozen=True)
class FjspInstance:
    """Jobs as sequences of operations, and the number of machines of the shop.

    `numbering` says how the file was taken to count its machines, and why.
    """

    jobs: tuple[tuple[Operation, ...], ...]
    machines: int
    numbering: str = field(default="", compare=False)


@dataclass(frozen=True)
class _Token:
    text: str
    line: int
    column: int


class _Line:
    """The tokens of one line, taken one by one."""

    def __init__(self, file: str, number: int, text: str) -> None:
        self.file = file
        self.number = number
        self.end = len(text.rstrip()) + 1
        self._text = text
        self._tokens: Iterator[_Token] = (
            _Token(found.group(), number, found.start() + 1) for found in re.finditer(r"\S+", text)
        )

    def again(self) -> "_Line":
        """The same line from its beginning."""
        return _Line(self.file, self.number, self._text)

    def length(self) -> int:
        """How many tokens the whole line has."""
        return len(self._text.split())

    def next(self) -> _Token | None:
        """The next token, None at the end."""
        return next(self._tokens, None)

    def refuse(self, token: _Token, problem: str) -> NoReturn:
        raise MalformedFjsp(self.file, token.line, token.column, f"{shown(token.text)} {problem}")

    def take(self, meaning: str, largest: int) -> tuple[_Token, int]:
        """The next token as a whole number from 0 to `largest`."""
        token = self.next()
        if token is None:
            problem = f"the line ends where {meaning} should stand; complete the line"
            raise MalformedFjsp(self.file, self.number, self.end, problem)
        if re.fullmatch(r"[0-9]+", token.text) is None:
            self.refuse(token, f"stands where {meaning} should; write a whole number")
        digits = token.text.lstrip("0") or "0"
        if len(digits) > len(str(largest)) or int(digits) > largest:
            self.refuse(token, f"is too large for {meaning}; the largest is {largest}")
        return token, int(digits)

    def take_positive(self, meaning: str, largest: int) -> tuple[_Token, int]:
        token, value = self.take(meaning, largest)
        if value == 0:
            self.refuse(token, f"is not possible for {meaning}; it is at least 1")
        return token, value

    def finish(self, remedy: str) -> None:
        token = self.next()
        if token is not None:
            self.refuse(token, f"is one number too many; {remedy}")


def parse_fjsp(text: str, name: str, machines_from: int | None = None) -> FjspInstance:
    """Read an instance of either layout; `name` is the file's name, for error messages.

    `machines_from` 0 or 1 says what the file calls its first machine; None leaves it to the file.
    Raises MalformedFjsp with line and column for anything the formats do not allow: a wrong number
    of job lines or of numbers in one, a machine out of range or twice in one operation, a time that
    is not a whole number. It is the error of the layout that more of the file fits.

    >>> parse_fjsp("1 2\\n1 2 1 5 2 4\\n", "one.fjs").jobs
    ((Operation(alternatives=((0, 5), (1, 4))),),)
    >>> parse_fjsp("1 2\\n1 4 0 5\\n", "one.jsp").jobs
    ((Operation(alternatives=((1, 4),)), Operation(alternatives=((0, 5),))),)
    """
    texts = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
    filled = (pair for pair in enumerate(texts, start=1) if pair[1].strip())
    lines = [_Line(name, number, line) for number, line in filled if line.lstrip()[0] != "#"]
    if not lines:
        problem = "the file is empty; its first line holds the numbers of jobs and machines"
        raise MalformedFjsp(name, 1, 1, problem)
    try:
        job_count, machines = _header(lines[0])
        jobs, named, is_plain = _jobs(lines, job_count, machines)
    except MalformedFjsp as error:
        problem = f"{error.problem}. {_LAYOUTS}"
        raise MalformedFjsp(name, error.line, error.column, problem) from None
    first, numbering = _numbering(lines[0], named, machines, machines_from)
    if is_plain:
        layout = "Job lines are read as plain, a pair machine time for each machine."
        numbering = f"{layout} {numbering}"
    return FjspInstance(
        jobs=tuple(
            tuple(
                Operation(tuple((machine - first, time) for machine, time in operation))
                for operation in job
            )
            for job in jobs
        ),
        machines=machines,
        numbering=numbering,
    )


_Job = list[list[tuple[int, int]]]
"""The (machine, time) pairs of each operation as they stand."""


def _jobs(
    lines: list[_Line], job_count: int, machines: int
) -> tuple[list[_Job], dict[int, _Token], bool]:
    """The jobs, where each machine stands first, and whether the layout is plain."""
    named: dict[int, _Token] = {}
    try:
        return _all(_job, lines, job_count, machines, named), named, False
    except MalformedFjsp as error:
        if len(lines) != job_count + 1 or any(each.length() != 2 * machines for each in lines[1:]):
            raise
        named.clear()
        again = [line.again() for line in lines]
        try:
            return _all(_plain_job, again, job_count, machines, named), named, True
        except MalformedFjsp as other:
            raise max(error, other, key=lambda each: (each.line, each.column)) from None


def _all(
    read: Callable[[_Line, int, dict[int, _Token]], _Job],
    lines: list[_Line],
    job_count: int,
    machines: int,
    named: dict[int, _Token],
) -> list[_Job]:
    header, job_lines = lines[0], lines[1:]
    jobs = [read(line, machines, named) for line in job_lines[:job_count]]
    if len(job_lines) > job_count:
        extra = job_lines[job_count].next()
        if extra is not None:
            problem = f"starts a line after the last of {job_count} jobs"
            header.refuse(extra, f"{problem}; remove it or raise the count")
    if len(job_lines) < job_count:
        last = lines[-1]
        problem = (
            f"the file ends after {len(job_lines)} of {job_count} jobs; "
            "add the missing lines or lower the count"
        )
        raise MalformedFjsp(header.file, last.number, last.end, problem)
    return jobs


def _header(line: _Line) -> tuple[int, int]:
    _, job_count = line.take_positive("the number of jobs", LARGEST_HEADER)
    _, machines = line.take_positive("the number of machines", LARGEST_HEADER)
    average = line.next()
    if average is not None:
        if re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", average.text) is None:
            problem = (
                "stands where the average number of machines per operation may; write a number"
            )
            line.refuse(average, problem)
        line.finish("the first line holds two or three numbers")
    return job_count, machines


def _job(line: _Line, machines: int, named: dict[int, _Token]) -> _Job:
    _, count = line.take_positive("the number of operations", LARGEST_HEADER)
    operations = [_operation(line, number, machines, named) for number in range(1, count + 1)]
    line.finish(f"the line announces {count} operations, and they are complete")
    return operations


def _plain_job(line: _Line, machines: int, named: dict[int, _Token]) -> _Job:
    """A pair for each machine; each machine once."""
    times: dict[int, int] = {}
    for number in range(1, machines + 1):
        token, machine = line.take(f"the machine of operation {number}", LARGEST_NUMBER)
        if machine in times:
            line.refuse(token, "names a machine twice in one job; a plain job has each once")
        if machine > machines:
            line.refuse(token, f"is no machine of a shop of {machines}; correct the number")
        if machine in (0, machines) and machines - machine in times:
            problem = f"and {machines - machine} are not both machines of a shop of {machines}"
            line.refuse(token, f"{problem}; correct one of them")
        named.setdefault(machine, token)
        _, times[machine] = line.take(f"the time of operation {number}", LARGEST_NUMBER)
    return [[pair] for pair in times.items()]


def _operation(
    line: _Line, number: int, machines: int, named: dict[int, _Token]
) -> list[tuple[int, int]]:
    """Its (machine, time) pairs as they stand; where a machine stands first goes into `named`."""
    meaning = f"the number of machines of operation {number}"
    count_token, count = line.take_positive(meaning, LARGEST_NUMBER)
    if count > machines:
        line.refuse(count_token, f"is too large for {meaning}; the shop has {machines}")
    times: dict[int, int] = {}
    for _ in range(count):
        token, machine = line.take(f"a machine of operation {number}", LARGEST_NUMBER)
        if machine in times:
            line.refuse(token, f"names a machine twice in operation {number}; keep one of the two")
        if machine > machines:
            line.refuse(token, f"is no machine of a shop of {machines}; correct the number")
        named.setdefault(machine, token)
        _, times[machine] = line.take(f"a time of operation {number}", LARGEST_NUMBER)
    return list(times.items())


def _numbering(
    header: _Line, named: dict[int, _Token], machines: int, given: int | None
) -> tuple[int, str]:
    """What the file calls its first machine, and how that is known."""
    if 0 in named and machines in named:
        problem = f"is no machine of a shop of {machines}, because another line names machine 0"
        remedy = f"count the machines from 0 to {machines - 1} or from 1 to {machines}"
        header.refuse(named[machines], f"{problem}; {remedy}")
    if given is not None:
        wrong = named.get(0 if given == 1 else machines)
        if wrong is not None:
            last = machines - 1 + given
            problem = f"is no machine where {machines} count from {given} to {last}, as asked for"
            header.refuse(wrong, f"{problem}; ask for {1 - given}")
        return given, f"Machines are read as counted from {given}, as asked for."
    if 0 in named:
        return 0, "Machines are read as counted from 0: the file names machine 0."
    if machines in named:
        why = f"the file names machine {machines} of {machines}"
        return 1, f"Machines are read as counted from 1: {why}."
    why = f"the file names neither machine 0 nor machine {machines} of {machines}"
    return 1, (
        f"Machines are read as counted from 1, as instances are published: {why}. If it counts "
        "from 0, say so: --machines-from 0, or machines_from = 0 in a scenario's fjsp table."
    )
