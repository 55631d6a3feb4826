"""The attacks inside a session, in the order of the table."""

from fabmarket.simulation.leakage.answers import forwarded, opened, rival_answers, rival_margins
from fabmarket.simulation.leakage.blame import accused
from fabmarket.simulation.leakage.deposits import deposited
from fabmarket.simulation.leakage.inferring import fitted, margins_worked_back, worked_back
from fabmarket.simulation.leakage.rosters import two_quotes, two_rosters
from fabmarket.simulation.leakage.rows import Attack
from fabmarket.simulation.leakage.sums import (
    all_rivals_but_one,
    isolated,
    supplier_and_all_but_two,
    supplier_and_limits,
)

ATTACKS: tuple[Attack, ...] = (
    rival_answers,
    rival_margins,
    all_rivals_but_one,
    supplier_and_all_but_two,
    supplier_and_limits,
    isolated,
    forwarded,
    fitted,
    opened,
    worked_back,
    margins_worked_back,
    two_rosters,
    two_quotes,
    accused,
    deposited,
)
