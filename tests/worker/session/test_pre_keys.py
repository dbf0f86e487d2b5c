from worker.session import UnitOfWork
from worker.session.pre_keys import MAX_PRE_KEY_ID, PreKey
from worker.wire.curve import KeyPair


def test_ids_run_on_and_keys_differ(unit: UnitOfWork) -> None:
    first = unit.pre_keys.generate(3)
    second = unit.pre_keys.generate(2)

    assert [k.key_id for k in first + second] == [1, 2, 3, 4, 5]
    assert len({k.pair.private for k in first + second}) == 5
    assert unit.pre_keys.next_id() == 6


def test_an_id_that_was_used_up_is_not_given_out_again(unit: UnitOfWork) -> None:
    for key in unit.pre_keys.generate(3):
        unit.pre_keys.take(key.key_id)

    assert [k.key_id for k in unit.pre_keys.generate(1)] == [4]


def test_ids_wrap_and_skip_those_in_use(unit: UnitOfWork) -> None:
    unit.pre_keys.put_many([PreKey(1, KeyPair.generate())])
    unit.pre_keys.continue_from(MAX_PRE_KEY_ID)

    assert [k.key_id for k in unit.pre_keys.generate(3)] == [MAX_PRE_KEY_ID, 2, 3]
    assert unit.pre_keys.next_id() == 4


def test_a_key_is_taken_once(unit: UnitOfWork) -> None:
    (key,) = unit.pre_keys.generate(1)

    assert unit.pre_keys.get(1) == key
    assert unit.pre_keys.take(1) == key
    assert unit.pre_keys.take(1) is None
    assert unit.pre_keys.ids() == []


def test_uploaded_keys_wait_no_longer_and_stay_usable(unit: UnitOfWork) -> None:
    keys = unit.pre_keys.generate(4)

    unit.pre_keys.mark_uploaded([1, 2, 99])

    assert unit.pre_keys.waiting(10) == keys[2:]
    assert unit.pre_keys.waiting(1) == keys[2:3]
    assert unit.pre_keys.ids() == [1, 2, 3, 4]


def test_imported_keys_may_be_uploaded_already(unit: UnitOfWork) -> None:
    unit.pre_keys.put_many([PreKey(7, KeyPair.generate())], uploaded=True)

    assert unit.pre_keys.waiting(10) == []
    assert unit.pre_keys.ids() == [7]


def test_a_text_of_a_pre_key_holds_no_private_key(unit: UnitOfWork) -> None:
    (key,) = unit.pre_keys.generate(1)

    assert repr(key.pair.private) not in repr(key)
