import pytest

from supervisor.store.contract import Store
from supervisor.store.records import (
    AliasLearned,
    Change,
    Direction,
    MessageRecord,
    MessageStatus,
    NameLearned,
    Outcome,
    Page,
    StatusAdvance,
    SubjectLearned,
    ThreadRecord,
)
from tests.supervisor.store.samples import (
    ACCOUNT,
    ALICE,
    ALICE_LID,
    BOB,
    GROUP,
    NOW_MS,
    OTHER_ACCOUNT,
    from_phone,
    message,
    stored,
)

ALL = Page(limit=1000)


async def record(store: Store, *changes: Change) -> list[Outcome]:
    return await store.conversations.record(ACCOUNT, changes, at_ms=NOW_MS + 100)


async def messages(store: Store, chat: str = ALICE) -> list[MessageRecord]:
    return await store.conversations.messages(ACCOUNT, f"{ACCOUNT}__{chat}", ALL)


async def thread(store: Store, chat: str = ALICE) -> ThreadRecord:
    found = await store.conversations.thread(f"{ACCOUNT}__{chat}")
    assert found is not None
    return found


async def threads(store: Store) -> list[str]:
    found = await store.conversations.threads(ACCOUNT, ALL)
    return [each.chat for each in found]


# ------------------------------------------------------------------------- once, and once only


async def test_a_message_is_stored_with_its_thread(store: Store) -> None:
    [outcome] = stored(await record(store, message()))

    assert outcome.created
    assert await messages(store) == [outcome.message]
    assert (outcome.message.doc_id, outcome.message.at_ms) == ("AAA1", NOW_MS)
    assert (await thread(store)).last_message_text == "hello"


async def test_repeating_a_message_changes_nothing(store: Store) -> None:
    await record(store, message())
    before = await messages(store)

    assert await record(store, message(), message()) == []
    assert await messages(store) == before


async def test_two_senders_with_one_id_are_two_messages(store: Store) -> None:
    first = message(chat=GROUP, sender=ALICE, body="from Alice")
    second = message(chat=GROUP, sender=BOB, body="from Bob")

    await record(store, first, second, second, first)

    found = await messages(store, GROUP)
    assert {each.body for each in found} == {"from Alice", "from Bob"}
    assert len({each.doc_id for each in found}) == 2


async def test_our_own_message_with_a_contacts_id_is_another_message(store: Store) -> None:
    await record(store, message(body="theirs"), from_phone(body="ours"))

    assert {each.body for each in await messages(store)} == {"theirs", "ours"}


async def test_one_sender_may_use_an_id_again_in_another_chat(store: Store) -> None:
    await record(store, message(), message(chat=GROUP))

    assert len(await messages(store)) == len(await messages(store, GROUP)) == 1


async def test_accounts_do_not_see_each_others_messages(store: Store) -> None:
    await record(store, message())
    await store.conversations.record(OTHER_ACCOUNT, [message(body="other")], at_ms=NOW_MS)

    assert [each.body for each in await messages(store)] == ["hello"]
    found = await store.conversations.messages(OTHER_ACCOUNT, f"{ACCOUNT}__{ALICE}", ALL)
    assert found == []


@pytest.mark.parametrize("wa_id", ["../../etc", "a/b", ".", "x" * 300, "é", "a b"])
async def test_an_id_no_path_can_carry_becomes_one_that_can(store: Store, wa_id: str) -> None:
    await record(store, message(wa_message_id=wa_id))
    await record(store, message(wa_message_id=wa_id))

    [found] = await messages(store)
    assert found.wa_message_id == wa_id
    assert found.doc_id.replace("_", "").replace("-", "").isalnum()
    assert found.doc_id.isascii()
    assert len(found.doc_id) <= 120


async def test_a_batch_that_breaks_is_not_stored_in_part(store: Store) -> None:
    broken = message(wa_message_id="AAA2", body="\ud800")  # half a surrogate can't be written

    with pytest.raises(UnicodeEncodeError):
        await record(store, message(), broken)

    assert await messages(store) == []


# ---------------------------------------------------------------------------------- unreadable ones


async def test_a_placeholder_is_filled_by_the_readable_message(store: Store) -> None:
    await record(store, message(kind="unknown", body="…", undecryptable="no session"))
    [outcome] = stored(await record(store, message(body="at last")))

    assert not outcome.created
    [found] = await messages(store)
    assert (found.body, found.kind, found.undecryptable) == ("at last", "text", None)
    assert (await thread(store)).last_message_text == "at last"


async def test_a_placeholder_never_replaces_what_was_read(store: Store) -> None:
    await record(store, message())
    await record(store, message(kind="unknown", body="…", undecryptable="no session"))

    assert [each.body for each in await messages(store)] == ["hello"]


async def test_filling_an_older_placeholder_leaves_the_summary(store: Store) -> None:
    await record(store, message(kind="unknown", body="…", undecryptable="no session"))
    await record(store, message(wa_message_id="AAA2", at_ms=NOW_MS + 1, body="later"))
    await record(store, message(body="at last"))

    assert (await thread(store)).last_message_text == "later"


# -------------------------------------------------------------------------------------- statuses


def receipt(status: MessageStatus, *ids: str, chat: str = ALICE) -> StatusAdvance:
    return StatusAdvance(chat, ids, Direction.OUTBOUND, status)


async def test_statuses_only_move_forward(store: Store) -> None:
    await record(store, from_phone())

    seen = []
    for status in (MessageStatus.READ, MessageStatus.DELIVERED, MessageStatus.SENT):
        await record(store, receipt(status, "AAA1"))
        seen += [each.status for each in await messages(store)]

    assert seen == [MessageStatus.READ] * 3


async def test_a_receipt_names_many_messages_and_changes_those_it_moves(store: Store) -> None:
    await record(store, from_phone(), from_phone(wa_message_id="AAA2"))
    await record(store, receipt(MessageStatus.READ, "AAA2"))

    changed = stored(
        await record(store, receipt(MessageStatus.DELIVERED, "AAA1", "AAA2", "unknown", "AAA1"))
    )

    assert [each.message.wa_message_id for each in changed] == ["AAA1"]


async def test_a_receipt_does_not_touch_messages_of_the_other_direction(store: Store) -> None:
    await record(store, message())

    assert await record(store, receipt(MessageStatus.READ, "AAA1")) == []


async def test_a_receipt_from_another_chat_changes_nothing(store: Store) -> None:
    await record(store, from_phone(), from_phone(wa_message_id="G1", chat=GROUP))

    assert await record(store, receipt(MessageStatus.READ, "AAA1", chat=BOB)) == []
    assert await record(store, receipt(MessageStatus.READ, "AAA1", chat=GROUP)) == []
    assert await record(store, receipt(MessageStatus.READ, "G1", chat=ALICE)) == []


async def test_a_receipt_by_lid_reaches_the_phone_numbers_chat(store: Store) -> None:
    await record(store, from_phone())

    await record(store, receipt(MessageStatus.READ, "AAA1", chat=ALICE_LID))

    assert [each.status for each in await messages(store)] == [MessageStatus.READ]


# --------------------------------------------------------------------------- summaries and names


async def test_the_summary_is_the_latest_messages_whatever_the_order(store: Store) -> None:
    await record(store, message(wa_message_id="new", at_ms=NOW_MS + 10, body="new"))
    await record(store, message(wa_message_id="old", at_ms=NOW_MS - 10, body="old"))

    found = await thread(store)
    assert (found.last_message_at_ms, found.last_message_text) == (NOW_MS + 10, "new")


async def test_a_summary_shows_the_first_hundred_characters(store: Store) -> None:
    await record(store, message(body="x" * 500))

    assert (await thread(store)).last_message_text == "x" * 100


async def test_a_reaction_is_stored_and_is_no_news(store: Store) -> None:
    await record(store, message())
    await record(store, message(wa_message_id="R1", kind="reaction", body="👍", at_ms=NOW_MS + 5))

    assert len(await messages(store)) == 2
    assert (await thread(store)).last_message_text == "hello"


async def test_a_conversation_is_named_by_the_contact_never_by_us(store: Store) -> None:
    await record(store, message(), from_phone(wa_message_id="AAA2", sender_name="Our shop"))

    assert (await thread(store)).name == "Alice"


async def test_a_learned_name_reaches_the_conversation_by_either_jid(store: Store) -> None:
    await record(store, message(sender_name=""), AliasLearned(ALICE_LID, ALICE))
    await record(store, NameLearned("", ALICE_LID, "Alice P."))

    assert (await thread(store)).name == "Alice P."


async def test_a_name_of_somebody_without_a_conversation_makes_none(store: Store) -> None:
    assert await record(store, NameLearned(BOB, "", "Bob")) == []
    assert await threads(store) == []


async def test_a_group_carries_its_subject_and_not_a_members_name(store: Store) -> None:
    await record(store, SubjectLearned(GROUP, "Party"), message(chat=GROUP))

    found = await thread(store, GROUP)
    assert (found.subject, found.name, found.last_message_sender_name) == ("Party", None, "Alice")


# ------------------------------------------------------------------------- one person, one thread


async def test_a_lid_learned_later_joins_the_two_conversations(store: Store) -> None:
    await record(store, message(chat=ALICE_LID, sender=ALICE_LID, body="by LID"))
    await record(store, AliasLearned(ALICE_LID, ALICE))

    assert await threads(store) == [ALICE]
    assert (await thread(store, ALICE_LID)).redirect_to == f"{ACCOUNT}__{ALICE}"
    joined = await thread(store)
    assert (joined.last_message_text, joined.name) == ("by LID", "Alice")


async def test_joined_conversations_show_all_their_messages(store: Store) -> None:
    await record(store, message(chat=ALICE_LID, sender=ALICE_LID, wa_message_id="1", body="1"))
    await record(store, AliasLearned(ALICE_LID, ALICE))
    await record(store, message(wa_message_id="2", body="2", at_ms=NOW_MS + 1))
    await record(
        store,
        message(chat=ALICE_LID, sender=ALICE_LID, wa_message_id="3", body="3", at_ms=NOW_MS + 2),
    )

    for chat in (ALICE, ALICE_LID):
        assert [each.body for each in await messages(store, chat)] == ["3", "2", "1"]
    assert (await thread(store)).last_message_text == "3"


async def test_a_message_repeated_under_the_other_name_is_the_same(store: Store) -> None:
    await record(store, message(chat=ALICE_LID, sender=ALICE_LID))
    outcomes = await record(store, message(chat_lid=ALICE_LID, sender_lid=ALICE_LID))

    assert stored(outcomes) == []
    assert len(await messages(store)) == 1


async def test_a_message_tells_by_itself_who_is_who(store: Store) -> None:
    await record(store, message(chat_lid=ALICE_LID, sender_lid=ALICE_LID))
    await record(store, message(wa_message_id="AAA2", chat=ALICE_LID, sender=ALICE_LID))

    assert await threads(store) == [ALICE]
    assert len(await messages(store)) == 2


async def test_learning_a_pair_again_changes_nothing(store: Store) -> None:
    await record(store, message(chat=ALICE_LID, sender=ALICE_LID), AliasLearned(ALICE_LID, ALICE))

    assert await record(store, AliasLearned(ALICE_LID, ALICE)) == []


async def test_a_pair_that_is_none_is_not_learned(store: Store) -> None:
    assert await record(store, AliasLearned(ALICE, BOB), AliasLearned(ALICE_LID, GROUP)) == []
    await record(store, message(chat=ALICE_LID, sender=ALICE_LID))

    assert await threads(store) == [ALICE_LID]


# -------------------------------------------------------------------------------------- pages


async def test_threads_are_paged_latest_first(store: Store) -> None:
    for number in range(5):
        chat = f"4071000000{number}@s.whatsapp.net"
        at_ms = NOW_MS + number // 2  # some share their time
        await record(store, message(chat=chat, sender=chat, at_ms=at_ms))

    seen: list[ThreadRecord] = []
    before = None
    while page := await store.conversations.threads(ACCOUNT, Page(2, before)):
        seen += page
        before = (page[-1].last_message_at_ms, page[-1].thread_id)

    assert len(seen) == len({each.thread_id for each in seen}) == 5
    assert [each.last_message_at_ms - NOW_MS for each in seen] == [2, 1, 1, 0, 0]


async def test_messages_are_paged_without_gaps_across_joined_threads(store: Store) -> None:
    for number in range(7):
        chat = ALICE if number % 2 else ALICE_LID
        await record(
            store,
            message(wa_message_id=f"M{number}", chat=chat, sender=chat, at_ms=NOW_MS + number // 3),
        )
    await record(store, AliasLearned(ALICE_LID, ALICE))

    seen: list[MessageRecord] = []
    before = None
    place = f"{ACCOUNT}__{ALICE}"
    while page := await store.conversations.messages(ACCOUNT, place, Page(2, before)):
        seen += page
        before = (page[-1].at_ms, page[-1].doc_id)

    assert [each.doc_id for each in seen] == ["M6", "M5", "M4", "M3", "M2", "M1", "M0"]
