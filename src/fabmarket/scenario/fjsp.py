"""Flexible job-shop instances in the field's plain text format.

The first line holds the number of jobs and of machines, and in many copies a third number, the
average number of machines per operation, which is not needed and ignored. Then comes one line per
job: the number of operations, and for each operation the number of machines that can do it followed
by that many pairs ``machine time``. Spacing and empty lines are free; a job stays on its line.

Machines count from 0 or from 1, depending on the collection. A file counts from 1 when it never
names machine 0 and does name the machine that equals its number of machines; otherwise from 0.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from fabmarket.errors import Refused
from fabmarket.scenario.model import shown

LARGEST_NUMBER = 10**9
LARGEST_HEADER = 10_000
"""Bounds on times and on the counts of jobs and machines, far above any published instance."""


class MalformedFjsp(Refused):
    """Text that is not a flexible job-shop instance.

    The message reads ``file:line:column: what is wrong; the remedy``; both count from 1.
    """

    def __init__(self, file: str, line: int, column: int, problem: str) -> None:
        super().__init__(f"{file}:{line}:{column}: {problem}")
        self.file = file
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Operation:
    """One step of a job: (machine, time) pairs, machines from 0, each named once, time >= 1."""

    alternatives: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class FjspInstance:
    """Jobs as sequences of operations, and the number of machines of the shop."""

    jobs: tuple[tuple[Operation, ...], ...]
    machines: int


@dataclass(frozen=True)
class _Token:
    text: str
    line: int
    column: int


@dataclass(frozen=True)
class _Pair:
    machine: _Token
    number: int
    time: int


class _Line:
    """The tokens of one line, taken one by one."""

    def __init__(self, file: str, number: int, text: str) -> None:
        self.file = file
        self.number = number
        self.end = len(text.rstrip()) + 1
        found = re.finditer(r"\S+", text)
        self.tokens = [_Token(m.group(), number, m.start() + 1) for m in found]
        self.taken = 0

    def refuse(self, token: _Token, problem: str) -> NoReturn:
        raise MalformedFjsp(self.file, token.line, token.column, f"{shown(token.text)} {problem}")

    def take(self, meaning: str, largest: int) -> tuple[_Token, int]:
        """The next token as a whole number from 0 to `largest`."""
        if self.taken == len(self.tokens):
            problem = f"the line ends where {meaning} should stand; complete the line"
            raise MalformedFjsp(self.file, self.number, self.end, problem)
        token = self.tokens[self.taken]
        self.taken += 1
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
        if self.taken < len(self.tokens):
            self.refuse(self.tokens[self.taken], f"is one number too many; {remedy}")


def parse_fjsp(text: str, name: str) -> FjspInstance:
    """Read an instance; `name` is the file's name, for error messages.

    Raises MalformedFjsp with line and column for anything the format does not allow: a wrong number
    of job lines or of numbers in one, a machine out of range or twice in one operation, a time that
    is not a whole number of at least 1.
    """
    texts = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
    lines = [_Line(name, number, line) for number, line in enumerate(texts, start=1)]
    lines = [line for line in lines if line.tokens]
    if not lines:
        problem = "the file is empty; its first line holds the numbers of jobs and machines"
        raise MalformedFjsp(name, 1, 1, problem)
    job_count, machines = _header(lines[0])
    job_lines = lines[1:]
    jobs: list[list[list[_Pair]]] = []
    for line in job_lines[:job_count]:
        jobs.append(_job(line, machines))
    if len(job_lines) > job_count:
        extra = job_lines[job_count]
        problem = f"starts a line after the last of {job_count} jobs; remove it or raise the count"
        extra.refuse(extra.tokens[0], problem)
    if len(job_lines) < job_count:
        last = lines[-1]
        problem = (
            f"the file ends after {len(job_lines)} of {job_count} jobs; "
            "add the missing lines or lower the count"
        )
        raise MalformedFjsp(name, last.number, last.end, problem)
    pairs = [pair for job in jobs for operation in job for pair in operation]
    to_index = _machine_index(lines[0], pairs, machines)
    return FjspInstance(
        jobs=tuple(
            tuple(
                Operation(tuple((to_index(pair), pair.time) for pair in operation))
                for operation in job
            )
            for job in jobs
        ),
        machines=machines,
    )


def _header(line: _Line) -> tuple[int, int]:
    _, job_count = line.take_positive("the number of jobs", LARGEST_HEADER)
    _, machines = line.take_positive("the number of machines", LARGEST_HEADER)
    if line.taken < len(line.tokens):
        token = line.tokens[line.taken]
        if re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", token.text) is None:
            problem = (
                "stands where the average number of machines per operation may; write a number"
            )
            line.refuse(token, problem)
        line.taken += 1
    line.finish("the first line holds two or three numbers")
    return job_count, machines


def _job(line: _Line, machines: int) -> list[list[_Pair]]:
    _, operation_count = line.take_positive("the number of operations", LARGEST_NUMBER)
    operations = []
    for number in range(1, operation_count + 1):
        operations.append(_operation(line, number, machines))
    line.finish(f"the line announces {operation_count} operations, and they are complete")
    return operations


def _operation(line: _Line, number: int, machines: int) -> list[_Pair]:
    meaning = f"the number of machines of operation {number}"
    count_token, count = line.take_positive(meaning, LARGEST_NUMBER)
    if count > machines:
        line.refuse(count_token, f"is too large for {meaning}; the shop has {machines}")
    pairs: list[_Pair] = []
    seen: set[int] = set()
    for _ in range(count):
        token, machine = line.take(f"a machine of operation {number}", LARGEST_NUMBER)
        if machine in seen:
            line.refuse(token, f"names a machine twice in operation {number}; keep one of the two")
        if machine > machines:
            line.refuse(token, f"is no machine of a shop of {machines}; correct the number")
        seen.add(machine)
        _, time = line.take_positive(f"a time of operation {number}", LARGEST_NUMBER)
        pairs.append(_Pair(token, machine, time))
    return pairs


def _machine_index(header: _Line, pairs: list[_Pair], machines: int) -> Callable[[_Pair], int]:
    """How a machine's number in the file becomes its index from 0."""
    numbers = {pair.number for pair in pairs}
    if machines not in numbers:
        return lambda pair: pair.number
    if 0 in numbers:
        last = next(pair.machine for pair in pairs if pair.number == machines)
        problem = (
            f"is no machine of a shop of {machines}, because another line names machine 0; "
            f"count the machines from 0 to {machines - 1} or from 1 to {machines}"
        )
        header.refuse(last, problem)
    return lambda pair: pair.number - 1
