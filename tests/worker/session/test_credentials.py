import dataclasses

import pytest

from tests.worker.session.still_clock import StillClock
from worker.session import Credentials, IdentityReplaced, SessionFile, SignedPreKey, UnitOfWork
from worker.wire.curve import KeyPair, typed, verify


def paired(credentials: Credentials) -> Credentials:
    return credentials.replace(
        jid="4915:3@s.whatsapp.net",
        lid="77:3@lid",
        platform="android",
        push_name="Somebody",
        signed_device_identity=b"identity",
        account_signature_key=bytes(range(32)),
        routing_info=b"\x08\x05",
        server_time_offset_s=-3,
    )


def test_new_credentials_are_whole_and_unpaired(clock: StillClock) -> None:
    made = Credentials.generate(clock)

    assert not made.paired
    assert made.created_at_ms == 1_750_000_000_250
    assert 1 <= made.registration_id < 2**14
    assert (len(made.adv_secret), len(made.session_id), len(made.lineage)) == (32, 32, 32)
    assert made.session_id != made.lineage


def test_the_signed_pre_key_carries_the_identitys_signature(clock: StillClock) -> None:
    made = Credentials.generate(clock)
    signed = made.signed_pre_key

    assert verify(made.identity_key.public, typed(signed.pair.public), signed.signature)


def test_two_identities_share_nothing(clock: StillClock) -> None:
    one, other = Credentials.generate(clock), Credentials.generate(clock)

    secrets = [
        {c.noise_key.private, c.identity_key.private, c.signed_pre_key.pair.private, c.adv_secret}
        for c in (one, other)
    ]
    assert len(secrets[0] | secrets[1]) == 8


def test_a_text_of_credentials_holds_no_secret_and_no_number(clock: StillClock) -> None:
    credentials = paired(Credentials.generate(clock))

    text = f"{credentials} {credentials!r}"

    assert text.startswith("Credentials(session_id=")
    assert "4915" not in text
    assert "identity" not in text.replace(credentials.session_id, "")
    assert credentials.adv_secret.hex() not in text
    assert repr(credentials.adv_secret) not in text


def test_a_text_of_a_signed_pre_key_holds_no_private_key(clock: StillClock) -> None:
    signed = Credentials.generate(clock).signed_pre_key

    assert repr(signed.pair.private) not in repr(signed)


def test_every_field_comes_back_as_it_was_put(unit: UnitOfWork) -> None:
    full = paired(unit.credentials.get())
    assert all(getattr(full, f.name) not in {None, ""} for f in dataclasses.fields(full))

    unit.credentials.put(full)

    assert unit.credentials.get() == full


def test_an_update_keeps_what_others_have_changed(unit: UnitOfWork) -> None:
    unit.credentials.update(push_name="Somebody")

    changed = unit.credentials.update(routing_info=b"\x01")

    assert (changed.push_name, changed.routing_info) == ("Somebody", b"\x01")
    assert unit.credentials.get() == changed


def test_an_earlier_signed_pre_key_stays_readable_after_another_took_its_place(
    unit: UnitOfWork,
) -> None:
    credentials = unit.credentials.get()
    later = SignedPreKey.generate(2, credentials.identity_key)

    unit.credentials.put(credentials.replace(signed_pre_key=later))

    assert unit.signed_pre_keys.current() == later
    assert unit.signed_pre_keys.get(1) == credentials.signed_pre_key
    assert unit.signed_pre_keys.ids() == [1, 2]
    assert unit.signed_pre_keys.get(3) is None


def test_an_identity_nobody_has_accepted_may_be_replaced(
    unit: UnitOfWork, clock: StillClock
) -> None:
    another = Credentials.generate(clock)

    unit.credentials.put(another)

    assert unit.credentials.get() == another


@pytest.mark.parametrize("change", ["identity", "session", "unpair"])
def test_a_paired_accounts_identity_is_never_replaced(
    file: SessionFile, clock: StillClock, change: str
) -> None:
    with file.unit() as unit:
        unit.credentials.put(paired(unit.credentials.get()))
    with file.unit() as unit:
        before = unit.credentials.get()
    other = {
        "identity": before.replace(identity_key=KeyPair.generate()),
        "session": before.replace(session_id="00" * 16),
        "unpair": before.replace(jid=None),
    }[change]

    def replace() -> None:
        with file.unit() as unit:
            unit.credentials.put(other)

    with pytest.raises(IdentityReplaced):
        replace()

    with file.unit() as unit:
        assert unit.credentials.get() == before
