"""What a person's row says once more so that an index sorts and finds it; it follows the record and the username."""

from portal.domain import record_terms
from portal.domain.email_addresses import fold_email
from portal.models import Person


def refresh(person: Person) -> None:
    """Bring it into line, within the change that made it differ."""
    person.is_contact = bool(person.contact_types)
    person.sorted_types = record_terms.sorted_types(person.type_names)
    person.primary_email_folded = fold_email(person.primary_email)
    names = (person.first_name, person.middle_name, person.last_name)
    person.sort_name = record_terms.sort_name(*names)
    username = person.account.username if person.account else None
    person.search_text = record_terms.search_text(
        names,
        addresses=(person.primary_email, person.secondary_email),
        numbers=(username or "", str(person.ess_id), person.employee_number),
        phones=(person.primary_phone, person.secondary_phone, person.mobile_phone),
    )
