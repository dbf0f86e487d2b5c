"""The double ratchet: message seeds out of chains, and new chains out of ratchet keys."""

from dataclasses import replace

from worker.signal import kdf
from worker.signal.errors import DuplicateMessage, StaleMessage, TooFarAhead
from worker.signal.keys import agree
from worker.signal.record import Chain, ReceiverChain, SessionState
from worker.signal.skipped import MAX_SKIPPED_KEYS, SkippedKeys
from worker.wire.curve import KeyPair, Rng


def next_seed(chain: Chain) -> tuple[bytes, Chain]:
    """Return the seed of the chain's next message, and the chain behind it."""
    seed, key = kdf.next_chain(chain.key)
    return seed, Chain(key, chain.index + 1)


def seed_at(chain: Chain, skipped: SkippedKeys, counter: int) -> tuple[bytes, Chain, SkippedKeys]:
    """Return the seed of message `counter`, with the chain and skipped keys behind it.

    Raises:
        DuplicateMessage: the counter lies behind and its key is not kept (any more).
        StaleMessage: the chain is closed and the counter was never in it.
        TooFarAhead: more than MAX_SKIPPED_KEYS messages would be skipped.
    """
    if counter < chain.index:
        return _kept_seed(chain, skipped, counter)
    if chain.closed:
        raise StaleMessage(f"find the key of message {counter}: its chain ended at {chain.index}")
    if counter - chain.index > MAX_SKIPPED_KEYS:
        raise TooFarAhead(f"find the key of message {counter}: the chain is at {chain.index}")
    passed = []
    while chain.index < counter:
        seed, following = next_seed(chain)
        passed.append((chain.index, seed))
        chain = following
    seed, chain = next_seed(chain)
    return seed, chain, skipped.adding(passed) if passed else skipped


def opened(state: SessionState, ratchet_key: bytes) -> tuple[bytes, ReceiverChain]:
    """Return the root key and the receiving chain that a new ratchet key of the peer gives."""
    agreement = agree(state.sender_ratchet, ratchet_key)
    root_key, chain_key = kdf.next_root(state.root_key, agreement)
    return root_key, ReceiverChain(ratchet_key, Chain(chain_key))


def answered(state: SessionState, root_key: bytes, ratchet_key: bytes, rng: Rng) -> SessionState:
    """Return the state with a new ratchet key and sending chain of our own.

    Args:
        state: as it was before the peer's new ratchet key.
        root_key: what `opened` returned.
        ratchet_key: the peer's new one.
        rng: makes our new one.
    """
    pair = KeyPair.generate(rng)
    root_key, chain_key = kdf.next_root(root_key, agree(pair, ratchet_key))
    return replace(
        state,
        root_key=root_key,
        sender_ratchet=pair,
        sender_chain=Chain(chain_key),
        previous_counter=max(state.sender_chain.index - 1, 0),
    )


def _kept_seed(
    chain: Chain, skipped: SkippedKeys, counter: int
) -> tuple[bytes, Chain, SkippedKeys]:
    found = skipped.taking(counter)
    if found is None:
        raise DuplicateMessage(f"find the key of message {counter}: it was used already")
    seed, rest = found
    return seed, chain, rest
