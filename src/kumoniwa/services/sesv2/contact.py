"""Contact lists: topics, and who wants to hear of which."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ses import address, page
from kumoniwa.services.sesv2.errors import (
    AlreadyExistsException,
    BadRequestException,
    LimitExceededException,
    NotFoundException,
    in_own_words,
)
from kumoniwa.services.sesv2.identity import tags_of, told_tags

LISTS_MAX, TOPICS_MAX = 1, 20
# https://docs.aws.amazon.com/ses/latest/dg/sending-email-list-management.html


class ContactList(Record):
    """Shelved by its name."""

    name: str
    created: float
    updated: float
    topics: tuple[dict[str, Any], ...] = ()
    description: str | None = None
    tags: dict[str, str] = {}


class Contact(Record):
    """Shelved by its list and its address."""

    list_name: str
    address: str
    created: float
    updated: float
    preferences: dict[str, str] = {}
    is_unsubscribed: bool = False
    attributes: str | None = None


def _list(call: Call, name: str) -> ContactList:
    held = call.shelf(ContactList).get(name)
    if held is None:
        raise NotFoundException(f"List with name: {name} doesn't exist.")
    return held


def _topics(topics: list[dict[str, Any]] | None) -> tuple[dict[str, Any], ...]:
    names = [topic["TopicName"] for topic in topics or ()]
    if len(names) > TOPICS_MAX or len(set(names)) != len(names):
        raise BadRequestException(f"A contact list has at most {TOPICS_MAX} topics, each of another name.")
    return tuple(topics or ())


def CreateContactList(
    call: Call, *, ContactListName: str, Topics: list[dict[str, Any]] | None = None, Description: str | None = None,
    Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    lists, now = call.shelf(ContactList), call.now()
    if ContactListName in lists:
        raise AlreadyExistsException(f"List with name: {ContactListName} already exists.")
    if len(lists) >= LISTS_MAX:
        raise LimitExceededException("Maximum number of contact lists reached.")
    lists[ContactListName] = ContactList(
        name=ContactListName, created=now, updated=now, topics=_topics(Topics), description=Description, tags=tags_of(Tags)
    )
    return {}


def GetContactList(call: Call, *, ContactListName: str) -> dict:
    held = _list(call, ContactListName)
    told = {"ContactListName": held.name, "Topics": list(held.topics), "CreatedTimestamp": held.created, "LastUpdatedTimestamp": held.updated}
    return {**told, "Tags": told_tags(held.tags)} | ({"Description": held.description} if held.description is not None else {})


def UpdateContactList(
    call: Call, *, ContactListName: str, Topics: list[dict[str, Any]] | None = None, Description: str | None = None
) -> dict:
    held = _list(call, ContactListName)
    call.shelf(ContactList)[held.name] = changed(held, topics=_topics(Topics), description=Description, updated=call.now())
    return {}


def DeleteContactList(call: Call, *, ContactListName: str) -> dict:
    """Its contacts go with it."""
    held, contacts = _list(call, ContactListName), call.shelf(Contact)
    for key in [key for key, contact in contacts.items() if contact.list_name == held.name]:
        del contacts[key]
    del call.shelf(ContactList)[held.name]
    return {}


def ListContactLists(call: Call, *, PageSize: int | None = None, NextToken: str | None = None) -> dict:
    names, more = page.cut(call.shelf(ContactList), NextToken, PageSize, usual=1000)
    return {"ContactLists": [{"ContactListName": name, "LastUpdatedTimestamp": _list(call, name).updated} for name in names], **more}


# Contacts ------------------------------------------------------------------------------------------


def _key(list_name: str, email: str) -> str:
    return f"{list_name}/{email.lower()}"


def _contact(call: Call, list_name: str, email: str) -> Contact:
    _list(call, list_name)
    held = call.shelf(Contact).get(_key(list_name, email))
    if held is None:
        raise NotFoundException(f"{email} doesn't exist in List.")
    return held


def _preferences(held: ContactList, said: list[dict[str, str]] | None) -> dict[str, str]:
    known = {topic["TopicName"] for topic in held.topics}
    for preference in said or ():
        if preference["TopicName"] not in known:
            raise BadRequestException(f"{preference['TopicName']} doesn't exist in List.")
    return {preference["TopicName"]: preference["SubscriptionStatus"] for preference in said or ()}


def CreateContact(
    call: Call, *, ContactListName: str, EmailAddress: str, TopicPreferences: list[dict[str, str]] | None = None,
    UnsubscribeAll: bool | None = None, AttributesData: str | None = None,
) -> dict:  # fmt: skip
    held, now = _list(call, ContactListName), call.now()
    with in_own_words():
        address.parse(EmailAddress)
    key = _key(held.name, EmailAddress)
    if key in call.shelf(Contact):
        raise AlreadyExistsException(f"{EmailAddress} already exists in List.")
    call.shelf(Contact)[key] = Contact(
        list_name=held.name, address=EmailAddress, created=now, updated=now, preferences=_preferences(held, TopicPreferences),
        is_unsubscribed=bool(UnsubscribeAll), attributes=AttributesData,
    )  # fmt: skip
    return {}


def _told(held: ContactList, contact: Contact) -> dict[str, Any]:
    defaults = {topic["TopicName"]: topic["DefaultSubscriptionStatus"] for topic in held.topics}
    return {
        "EmailAddress": contact.address,
        "TopicPreferences": [{"TopicName": name, "SubscriptionStatus": status} for name, status in contact.preferences.items()],
        "TopicDefaultPreferences": [{"TopicName": name, "SubscriptionStatus": status} for name, status in defaults.items()],
        "UnsubscribeAll": contact.is_unsubscribed,
        "LastUpdatedTimestamp": contact.updated,
    }


def GetContact(call: Call, *, ContactListName: str, EmailAddress: str) -> dict:
    contact = _contact(call, ContactListName, EmailAddress)
    more = {"ContactListName": contact.list_name, "CreatedTimestamp": contact.created}
    attributes = {"AttributesData": contact.attributes} if contact.attributes is not None else {}
    return {**_told(_list(call, ContactListName), contact), **more, **attributes}


def UpdateContact(
    call: Call, *, ContactListName: str, EmailAddress: str, TopicPreferences: list[dict[str, str]] | None = None,
    UnsubscribeAll: bool | None = None, AttributesData: str | None = None,
) -> dict:  # fmt: skip
    """Preferences are said all again, if any are: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_UpdateContact.html"""
    contact = _contact(call, ContactListName, EmailAddress)
    said: dict[str, Any] = {"is_unsubscribed": UnsubscribeAll, "attributes": AttributesData}
    if TopicPreferences is not None:
        said["preferences"] = _preferences(_list(call, ContactListName), TopicPreferences)
    said = {name: value for name, value in said.items() if value is not None}
    call.shelf(Contact)[_key(contact.list_name, contact.address)] = changed(contact, **said, updated=call.now())
    return {}


def DeleteContact(call: Call, *, ContactListName: str, EmailAddress: str) -> dict:
    contact = _contact(call, ContactListName, EmailAddress)
    del call.shelf(Contact)[_key(contact.list_name, contact.address)]
    return {}


def ListContacts(
    call: Call, *, ContactListName: str, Filter: dict[str, Any] | None = None, PageSize: int | None = None,
    NextToken: str | None = None,
) -> dict:  # fmt: skip
    held = _list(call, ContactListName)
    wanted = {
        contact.address: contact
        for contact in call.shelf(Contact).values()
        if contact.list_name == held.name and _is_wanted(held, contact, Filter or {})
    }
    names, more = page.cut(wanted, NextToken, PageSize, usual=1000)
    return {"Contacts": [_told(held, wanted[name]) for name in names], **more}


def _is_wanted(held: ContactList, contact: Contact, asked: dict[str, Any]) -> bool:
    status, topic = asked.get("FilteredStatus"), asked.get("TopicFilter") or {}
    if status is None:
        return True
    said = contact.preferences.get(topic.get("TopicName", ""))
    if said is None and topic.get("UseDefaultIfPreferenceUnavailable"):
        said = next((each["DefaultSubscriptionStatus"] for each in held.topics if each["TopicName"] == topic.get("TopicName")), None)
    if contact.is_unsubscribed or not topic:
        said = "OPT_OUT" if contact.is_unsubscribed else "OPT_IN"
    return said == status
