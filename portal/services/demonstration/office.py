"""The people of the county office: eleven contacts, one in each state that there is, administrators and some staff."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from anyascii import anyascii

from portal.services.demonstration import histories
from portal.services.demonstration.histories import History
from portal.services.demonstration.people import Member

LOCKED_MINUTES_AGO = 38

ADMINISTRATOR, SECOND_ADMINISTRATOR, OPERATOR, EMPLOYEE = 2951, 2952, 2953, 2954
BRUNO, KATIE, TO_REGISTER, TO_UNLOCK = 2971, 2973, 2980, 2976
"""ESS IDs of those whom the rest of the demonstration names."""

CONTACTS = (
    (
        BRUNO,
        "Bruno",
        "Contact",
        "Business Services Manager",
        "account_receivable admin benefit payroll senior_admin tpa",
    ),
    (KATIE, "Katie", "Contact", "Benefits Specialist", "benefit payroll"),
    (2994, "New", "Contact", "Accounts Assistant", "account_receivable"),
    (TO_REGISTER, "Tomasz", "Wieczorek", "Payroll Technician", "payroll"),
    (TO_UNLOCK, "Priscilla", "Okonkwo-Hart", "Senior Accountant", "account_receivable senior_admin"),
    (2982, "Devon", "Marchetti", "Human Resources Analyst", "admin"),
    (2978, "Ingrid", "Sørensen", "Retirement Counselor", "benefit"),
    (2964, "Harold", "Finchley", "Controller (retired)", "admin senior_admin"),
    (2988, "Rosalind", "Achterberg", "Substitute Coordinator", "payroll"),
    (2985, "Mei-Ling", "Castellano", "Plan Administrator, Tidewater Benefits", "tpa"),
    (2969, "Owen", "Tregarthen", "Accounts Receivable Lead", "account_receivable"),
)

STAFF = (
    (ADMINISTRATOR, "Marisol", "Vega", "Human Resources Systems Lead", ""),
    (SECOND_ADMINISTRATOR, "Theodore", "Nakamura", "Director of Personnel", ""),
    (OPERATOR, "Gwen", "Abernathy", "Front Desk Lead", ""),
    (EMPLOYEE, "Luis", "Ortega", "School Psychologist", ""),
    (2955, "Amara", "Nwosu", "Speech-Language Pathologist", ""),
    (2956, "Caleb", "Littlejohn", "Special Education Teacher", ""),
    (2957, "Dolores", "Villanueva", "Attendance Clerk", ""),
    (2958, "Hyun-woo", "Baek", "Network Technician", ""),
    (2959, "Fionnuala", "O'Dowd", "School Nurse", ""),
    (2960, "Jerome", "Baptiste", "Bus Fleet Supervisor", ""),
    (2961, "Nasreen", "Mirzaei", "Curriculum Coordinator", ""),
    (2962, "Sipho", "Mahlangu", "Instructional Aide", ""),
)


@dataclass(frozen=True)
class Told:
    """A member, and the history that led to the member's state."""

    member: Member
    history: History


def make(now: datetime, known: Mapping[int, str], nobodys: str) -> dict[int, Told]:
    """Everybody of the office by ESS ID, as they are ``now``; ``known`` has the hashes of passwords that are known.

    ``TO_REGISTER`` and ``TO_UNLOCK`` get into their states by the real verbs, once they are stored.
    """
    told = _histories(now, known, nobodys)
    records: dict[int, dict[str, Any]] = {
        2988: {"has_no_email": True},
        2985: {"primary_email": "mlc.temp@tidewater.example", "email_is_temporary": True},
        2969: {"email_bounced_at": now - timedelta(hours=5)},
    }
    return {
        row[0]: Told(_member(*row, history=told[row[0]], record=records.get(row[0], {})), told[row[0]])
        for row in (*CONTACTS, *STAFF)
    }


def _histories(now: datetime, known: Mapping[int, str], nobodys: str) -> dict[int, History]:
    ordinary = {
        row[0]: histories.active(
            now, nobodys, days=90 + 31 * number, sign_ins=9 + 7 * number, hours_ago=15 + 40 * number
        )
        for number, row in enumerate(STAFF)
    }
    return {
        **ordinary,
        BRUNO: histories.active(now, known[BRUNO], days=610, sign_ins=214, hours_ago=2, failed=6),
        KATIE: histories.locked(now, known[KATIE], days=300, minutes_ago=LOCKED_MINUTES_AGO),
        2994: histories.not_registered(now, days=1),
        TO_REGISTER: histories.not_registered(now, days=2),
        TO_UNLOCK: histories.locked(now, nobodys, days=210, minutes_ago=190),
        2982: histories.registration_expired(now, nobodys),
        2978: histories.unlock_expired(now, nobodys),
        2964: histories.inactive(now, nobodys),
        2988: histories.not_registered(now, days=45),
        2985: histories.active(now, nobodys, days=95, sign_ins=12, hours_ago=120),
        2969: histories.re_enrolled_and_refused(now, nobodys),
        ADMINISTRATOR: histories.active(now, known[ADMINISTRATOR], days=700, sign_ins=603, hours_ago=19, failed=4),
        OPERATOR: histories.active(now, known[OPERATOR], days=240, sign_ins=131, hours_ago=22),
        EMPLOYEE: histories.active(now, known[EMPLOYEE], days=330, sign_ins=41, hours_ago=46, failed=2),
    }


def _member(
    ess_id: int, first: str, last: str, job_title: str, types: str, *, history: History, record: dict[str, Any]
) -> Member:
    local = "".join(sign for sign in anyascii(first[:1] + last).lower() if sign.isalnum())
    address = "" if record.get("has_no_email") else record.pop("primary_email", f"{local}@coe.example")
    phone = f"(831) 555-{ess_id - 2850:04}"
    own = {"primary_phone": phone, "employee_number": f"E{ess_id + 40000}", **record}
    return Member(first, last, address, job_title, tuple(types.split()), history.state, ess_id, history.columns, own)
