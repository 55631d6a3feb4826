"""One owner's calendar: what of which slot is for sale, by the calendar that is registered."""

from collections.abc import Sequence

from fabmarket.scenario.tables.columns import CALENDAR
from fabmarket.scenario.tables.faults import Faults
from fabmarket.scenario.tables.reading import Row, Table, read_table
from fabmarket.scenario.tables.sheets import Sheet


def offered(
    sheets: Sequence[Sheet], origin: int, slot_length: int
) -> tuple[dict[int, int], list[str]]:
    """Units for sale by slot, as the calendars in the sheets say for one machine; and what to note.

    Where a row says `begins`, that is a second of chain time. WrongTables for whatever is wrong.
    """
    faults = Faults()
    tables = [read_table(sheet, CALENDAR, faults) for sheet in sheets]
    units: dict[int, int] = {}
    machine: str | None = None
    for row in _rows(tables):
        name = row.values.get("machine")
        machine = machine or name
        if name != machine and name is not None:
            problem = f"is not {machine!r}, and one agent has one machine; give a table of its own"
            faults.add(row.place, "machine", name, problem)
        slot = _slot(row, origin, slot_length, faults)
        if slot is None or row.wrong:
            continue
        if slot in units:
            faults.add(row.place, "slot", str(slot), "is there twice; keep one")
        attested = row.values.get("attested", 0)
        units[slot] = row.values.get("listed", attested)
        if units[slot] > attested:
            problem = f"is above the {attested} attested; list at most that"
            faults.add(row.place, "listed", str(units[slot]), problem)
    faults.raise_if_any()
    notes = [note for each in (*sheets, *tables) if each is not None for note in each.notes]
    return units, notes


def _rows(tables: Sequence[Table | None]) -> list[Row]:
    return [row for table in tables if table is not None for row in table.rows]


def _slot(row: Row, origin: int, slot_length: int, faults: Faults) -> int | None:
    given = [name for name in ("slot", "begins") if not row.lacks(name)]
    if len(given) != 1:
        fault = "both are given" if given else "neither is given"
        faults.add(row.place, "slot, begins", None, f"{fault}; fill in one of the two")
        return None
    if given == ["slot"] or "begins" in row.wrong:
        return row.values.get("slot")
    slot, rest = divmod(row.values["begins"] - origin, slot_length)
    if slot < 0 or rest:
        problem = f"is no beginning of a slot: they are {slot_length} s long from {origin} on"
        faults.add(row.place, "begins", str(row.values["begins"]), f"{problem}; correct it")
        return None
    return int(slot)
