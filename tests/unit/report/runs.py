"""Facts of runs: the paper's market, one in which nothing happened, a large job shop, products."""

import copy
import hashlib
import random
from typing import Any


def address(label: str) -> str:
    return "0x" + hashlib.sha256(label.encode()).hexdigest()[:40]


def digest(label: str) -> str:
    return "0x" + hashlib.sha256(label.encode()).hexdigest()


def participant(role: str, name: str) -> dict[str, Any]:
    return {"address": address(name), "role": role, "name": name}


def verification(number: int, reported: dict[str, int], expected: str, error: str | None) -> dict:
    return {
        "test": number,
        "reported": reported,
        "attested": {"m1": 10, "m2": 30},
        "expected": expected,
        "outcome": expected,
        "passed": True,
        "error": error,
        "transaction": digest(f"verification {number}"),
        "status": int(error is None),
        "gas": 91_000 + number,
    }


VERIFICATION = [
    verification(1, {"m1": 10, "m2": 20}, "accepted", None),
    verification(2, {"m1": 10, "m2": 20, "m3": 30}, "NotAttested", "NotAttested(m3, 30)"),
    verification(3, {"m1": 20, "m2": 30}, "OverReported", "OverReported(m1, 20, 10)"),
    verification(4, {"m1": 10, "m3": 20}, "NotAttested", "NotAttested(m3, 20)"),
]


def facts(name: str, decimals: int, participants: list[dict[str, Any]]) -> dict[str, Any]:
    """A run in which nothing was asked for yet."""
    return {
        "fabmarket": "0.1.0",
        "command": ["fabmarket", "demo", "--seed", "7"],
        "scenario": {
            "name": name,
            "title": f"The market of {name}",
            "description": "Every number in it was made up for a test.",
            "source": "a test",
            "draws": "",
            "notes": [],
            "seed": 7,
            "concept": "demanders-lead",
            "negotiation": "session",
            "currency": {"symbol": "FMC", "decimals": decimals},
            "slot_length": 86400,
        },
        "engine": "embedded",
        "chain": {
            "id": 31337,
            "blocks": 12,
            "exchange": address("exchange"),
            "token": address("token"),
            "client": "a client",
        },
        "operators": {
            "addresses": [one["address"] for one in participants if one["role"] == "operator"],
            "threshold": 2,
        },
        "participants": participants,
        "subtasks": 0,
        "trades": [],
        "unserved": [],
        "accounts": [],
        "products": [],
        "paid_for_incomplete": 0,
        "makespan": 0,
        "utilisation": [],
        "units_traded": 0,
        "paid_total": 0,
        "gas_total": 0,
        "gas": {},
        "settlement": {},
        "exposed": 0,
        "leakage": [],
        "equilibria": [],
        "off_equilibrium": [],
        "sessions": [],
        "verification_tests": [],
        "messages": {"sent": 0, "delivered": 0, "ignored": 0, "ignored_reasons": {}, "by_type": {}},
        "audit": {"ok": True, "checks": [], "surplus": {"token": address("token"), "amount": 0}},
        "timing": {"seconds": 0.4, "phases": {}},
    }


def lie(seat: int, gain: int, bound: str = "exact") -> dict[str, Any]:
    found = seat if gain else None
    return {"seat": found, "gain": gain, "method": "replay", "bound": bound}


def trade(number: int, **terms: Any) -> dict[str, Any]:
    return {
        "id": digest(f"trade {number}"),
        "transaction": digest(f"transaction {number}"),
        "block": 9 + number // 20,
        "gas": 88_000 + number,
        "payment": terms["quantity"] * terms["unit_price"],
        "refunded": False,
        "settled": "single",
        **terms,
    }


def seat(demander: str, subtask: str, units: int, price: int) -> dict[str, Any]:
    payment = units * price
    return {"demander": demander, "subtask": subtask, "units": units, "payment": payment}


def settle(run: dict[str, Any], trades: list[dict[str, Any]], deposit: int) -> None:
    """Book `trades` into the totals and the accounts of `run`."""
    run["trades"] = trades
    kept = [one for one in trades if not one["refunded"]]
    run["units_traded"] = sum(one["quantity"] for one in kept)
    run["paid_total"] = sum(one["payment"] for one in kept)
    gas = sum(one["gas"] for one in trades)
    run["gas"] = {"settle": {"count": len(trades), "total": gas, "mean": gas / len(trades)}}
    run["gas_total"] = gas
    counts = {"trades": len(trades), "transactions": len(trades)}
    run["settlement"] = {"single": {**counts, "gas": gas, "gas_per_trade": gas / len(trades)}}
    for one in run["participants"]:
        if one["role"] not in ("demander", "supplier"):
            continue
        before = deposit if one["role"] == "demander" else 0
        paid = sum(t["payment"] for t in kept if t["demander"] == one["address"])
        earned = sum(t["payment"] for t in kept if t["supplier"] == one["address"])
        run["accounts"].append({**one, "before": before, "after": before - paid + earned})


PAPER_PEOPLE = [
    *(participant("demander", f"MRD{at}") for at in (1, 2, 3)),
    participant("supplier", "MRS"),
    *(participant("operator", f"CPO{at}") for at in (1, 2, 3)),
    participant("deployer", "deployer"),
]


def paper() -> dict[str, Any]:
    run = facts("paper", 0, copy.deepcopy(PAPER_PEOPLE))
    demanders, supplier = [address(f"MRD{at}") for at in (1, 2, 3)], address("MRS")
    run["subtasks"] = 3
    replies = {10: [112.5, 362.5, 437.5], 108: [0.0, 117.5, 192.5], 115: [0.0, 100.0, 175.0]}
    run["sessions"] = [
        {
            "id": digest("session"),
            "kind": "session",
            "masked": False,
            "resource": "S",
            "slot": 0,
            "supplier": supplier,
            "members": [
                seat(who, f"product {at} / part 1", units, 115)
                for at, (who, units) in enumerate(zip(demanders, (0, 100, 175), strict=True), 1)
            ],
            "rounds": [
                {
                    "round": at,
                    "price": price,
                    "sum": sum(answer),
                    "supply": (price - 10) / 0.2,
                    "replies": answer,
                }
                for at, (price, answer) in enumerate(replies.items(), 1)
            ],
            "clock": None,
            "price": 115,
            "outcome": "agreed",
            "reason": "",
            "certificate": {"gain_in_the_game": 1.8e-12, "best_lie_in_this_session": lie(2, 1_901)},
        }
    ]
    run["equilibria"] = [
        {
            "session": digest("session"),
            "resource": "S",
            "slot": 0,
            "supplier": supplier,
            "concept": "demanders-lead",
            "price": 115.0,
            "demand": [0.0, 100.0, 175.0],
            "demanders": demanders,
            "supply": 525.0,
            "negotiated_price": 115,
            "rounds": 3,
            "certificate": {
                "max_unilateral_gain": 1.8e-12,
                "residual": 0.0,
                "deviations": [
                    "each demander, anticipating the supplier's reply",
                    "the supplier's reply",
                ],
                "best_lie_in_this_session": lie(2, 1_901),
            },
        }
    ]
    terms = {"supplier": supplier, "resource": "S", "slot": 0, "unit": "unit", "unit_price": 115}
    terms["session"] = digest("session")
    settle(
        run,
        [
            trade(1, demander=demanders[1], quantity=100, subtask="product 2 / part 1", **terms),
            trade(2, demander=demanders[2], quantity=175, subtask="product 3 / part 1", **terms),
        ],
        deposit=40_000,
    )
    run["unserved"] = [
        {
            "subtask": "product 1 / part 1",
            "demander": demanders[0],
            "slot": 0,
            "reason": "no price pays: the market is above what the sub-task is worth",
            "attempts": [{"resource": "S", "quantity": None, "reason": "price 115, worth 55"}],
        }
    ]
    run["verification_tests"] = copy.deepcopy(VERIFICATION)
    run["messages"] = {
        "sent": 31,
        "delivered": 31,
        "ignored": 1,
        "ignored_reasons": {"bad signature": 1},
        "by_type": {"Demand": 3, "Offer": 3, "Announcement": 3},
    }
    run["audit"]["checks"] = [
        {"name": "balances", "compared": 8, "ok": True, "detail": ""},
        {"name": "listings", "compared": 1, "ok": True, "detail": "325 of 600 units left"},
        {"name": "trades", "compared": 2, "ok": True, "detail": ""},
    ]
    run["timing"] = {"seconds": 2.31, "phases": {"deploy": 0.9, "negotiate": 0.2, "settle": 0.5}}
    return run


def job_shop() -> dict[str, Any]:
    """20 jobs of 12 operations on 15 machines: 240 sub-tasks, of which about one in six waits."""
    chance = random.Random(11)
    run = facts(
        "job shop",
        2,
        [
            *(participant("demander", f"job {at}") for at in range(1, 21)),
            *(participant("supplier", f"machine shop {at}") for at in range(1, 16)),
            *(participant("operator", f"operator {at}") for at in (1, 2, 3)),
        ],
    )
    run["scenario"]["concept"] = "balanced"
    run["subtasks"] = 240
    trades = []
    for number in range(240):
        job, slot = number // 12 + 1, number % 12
        machine = chance.randint(1, 15)
        subtask = f"job {job} / op {slot + 1}"
        if chance.random() < 1 / 6:
            run["unserved"].append(
                {
                    "subtask": subtask,
                    "demander": address(f"job {job}"),
                    "slot": slot,
                    "reason": chance.choice(["capacity sold out", "every price above its worth"]),
                    "attempts": [
                        {"resource": f"machine-{machine}", "quantity": 9, "reason": "sold out"}
                    ],
                }
            )
            continue
        session = digest(f"session {number}")
        price, quantity = chance.randint(900, 4_000), chance.randint(1, 20)
        supplier = address(f"machine shop {machine}")
        start = price + chance.randint(300, 3_000)
        prices = [start, (start + 3 * price) // 4, price][: chance.randint(2, 3)]
        run["sessions"].append(
            {
                "id": session,
                "kind": "session",
                "masked": False,
                "resource": f"machine-{machine}",
                "slot": slot,
                "supplier": supplier,
                "members": [seat(address(f"job {job}"), subtask, quantity, prices[-1])],
                "rounds": [
                    {
                        "round": at,
                        "price": announced,
                        "sum": float(quantity),
                        "supply": float(quantity),
                        "replies": [float(quantity)],
                    }
                    for at, announced in enumerate(prices, 1)
                ],
                "clock": None,
                "price": prices[-1],
                "outcome": "agreed",
                "reason": "",
                "certificate": {
                    "gain_in_the_game": 3.5,
                    "best_lie_in_this_session": lie(0, number, "at least"),
                },
            }
        )
        run["equilibria"].append(
            {
                "session": session,
                "resource": f"machine-{machine}",
                "slot": slot,
                "supplier": supplier,
                "concept": "balanced",
                "price": price + chance.choice([0.0, 0.25]),
                "demand": [float(quantity)],
                "demanders": [address(f"job {job}")],
                "supply": float(quantity),
                "negotiated_price": prices[-1],
                "rounds": len(prices),
                "certificate": {
                    "max_unilateral_gain": 3.5,
                    "residual": 2e-13,
                    "deviations": ["each demander, given the others"],
                    "best_lie_in_this_session": lie(0, number, "at least"),
                },
            }
        )
        trades.append(
            trade(
                number,
                demander=address(f"job {job}"),
                supplier=supplier,
                resource=f"machine-{machine}",
                slot=slot,
                quantity=quantity,
                unit="minute",
                unit_price=prices[-1],
                subtask=subtask,
                session=session,
            )
        )
    crowd = run["sessions"][0]
    crowd["members"] = [seat(address(f"job {at}"), f"job {at} / op 1", 0, 0) for at in range(1, 11)]
    for one in crowd["rounds"]:
        one["replies"] = [float(at * one["round"]) for at in range(10)]
        one["sum"] = sum(one["replies"])
    settle(run, trades, deposit=3_000_000)
    run["verification_tests"] = copy.deepcopy(VERIFICATION)
    run["messages"] |= {"sent": 2_410, "delivered": 2_410, "by_type": {"Demand": 240}}
    run["audit"]["checks"] = [{"name": "balances", "compared": 70, "ok": True, "detail": ""}]
    return run


def of_product(job: str, k: int, at: tuple[int, int, int], state: str = "sold") -> dict[str, Any]:
    """Operation `k` of a job `at` (machine, slot, minutes), for 20 a minute."""
    machine, slot, minutes = at
    return {
        "operation": f"op {k}",
        "resource": f"machine-{machine}",
        "supplier": address(f"owner of machine-{machine}"),
        "slot": slot,
        "quantity": minutes,
        "unit": "minute",
        "unit_price": 20,
        "payment": 20 * minutes,
        "trade": digest(f"{job} / op {k} in {slot}"),
        "state": state,
    }


def of_job(job: str, steps: list[dict[str, Any]], due: int, reason: str = "") -> dict[str, Any]:
    """A product worth 5,000 that may use slots 0 to 9; 100 a slot late."""
    is_complete = bool(steps) and not reason
    late = max(0, steps[-1]["slot"] - due) if is_complete else 0
    return {
        "id": digest(job),
        "name": job,
        "demander": address(job),
        "value": 5000,
        "release": 0,
        "due": due,
        "last": 9,
        "partial": False,
        "complete": is_complete,
        "on_time": is_complete and not late,
        "lateness": {"slots": late, "cost": 100 * late},
        "price": sum(step["payment"] for step in steps if step["state"] == "sold"),
        "least": 4800,
        "bundle": digest(f"bundle of {job}") if steps else None,
        "steps": steps,
        "reason": reason,
    }


def products(jobs: list[dict[str, Any]], machines: int, slots: int) -> dict[str, Any]:
    """A run in which these products were asked for, ten minutes of each machine a slot."""
    owners = [participant("supplier", f"owner of machine-{at}") for at in range(machines)]
    run = facts("shop", 2, [*(participant("demander", job["name"]) for job in jobs), *owners])
    run["scenario"] |= {"slot_length": 600, "concept": "clock"}
    run["products"] = jobs
    sold = [(job, step) for job in jobs for step in job["steps"]]
    terms = ("supplier", "resource", "slot", "quantity", "unit", "unit_price")
    trades = [
        trade(
            number,
            demander=job["demander"],
            session=digest(job["name"]),
            subtask=f"{job['name']} / {step['operation']}",
            **{key: step[key] for key in terms},
        )
        | {"id": step["trade"], "refunded": step["state"] == "refunded"}
        for number, (job, step) in enumerate(sold)
    ]
    settle(run, trades, deposit=100_000)
    run["unserved"] = [
        {
            "subtask": f"{job['name']} / op 1",
            "demander": job["demander"],
            "slot": 0,
            "reason": job["reason"],
            "attempts": [],
        }
        for job in jobs
        if not job["steps"]
    ]
    run["subtasks"] = len(trades) + len(run["unserved"])
    ends = [step["slot"] + 1 for _, step in sold if step["state"] == "sold"]
    run["makespan"] = 10 * max(ends, default=0)
    run["utilisation"] = [machine(run, at, slots) for at in range(machines)]
    return run


def machine(run: dict[str, Any], at: int, slots: int) -> dict[str, Any]:
    kept = [
        step
        for job in run["products"]
        for step in job["steps"]
        if step["resource"] == f"machine-{at}" and step["state"] == "sold"
    ]
    sold = [sum(step["quantity"] for step in kept if step["slot"] == slot) for slot in range(slots)]
    return {
        "resource": f"machine-{at}",
        "supplier": address(f"owner of machine-{at}"),
        "unit": "minute",
        "listed": [10] * slots,
        "sold": sold,
        "share": sum(sold) / (10 * slots),
        "price": 20.0 if any(sold) else None,
        "earned": 20 * sum(sold),
    }
