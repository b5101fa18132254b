"""The tables: columns, relationships and facts about one row. No queries, no commits."""

from portal.models.account import (
    Account,
    EmailChange,
    EnrolmentLink,
    KnownBrowser,
    RecoveryLink,
    RecoveryRequest,
    RoleGrant,
    Session,
    SignInReservation,
)
from portal.models.audit import AuditChain, AuditEntry
from portal.models.bulk import BulkItem, BulkWork, Upload, UploadRow
from portal.models.organisation import (
    Listing,
    ListingContact,
    Organisation,
    OrganisationDomain,
    OrganisationName,
    Region,
)
from portal.models.person import Counter, Person, PersonContactType
from portal.models.work import Heartbeat, OutboxMention, OutboxMessage

__all__ = [
    "Account",
    "AuditChain",
    "AuditEntry",
    "BulkItem",
    "BulkWork",
    "Counter",
    "EmailChange",
    "EnrolmentLink",
    "Heartbeat",
    "KnownBrowser",
    "Listing",
    "ListingContact",
    "Organisation",
    "OrganisationDomain",
    "OrganisationName",
    "OutboxMention",
    "OutboxMessage",
    "Person",
    "PersonContactType",
    "RecoveryLink",
    "RecoveryRequest",
    "Region",
    "RoleGrant",
    "Session",
    "SignInReservation",
    "Upload",
    "UploadRow",
]
