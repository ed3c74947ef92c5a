"""A connection's subscriptions: what adding and taking off leaves."""

from gpt_trader.exchange.feed import HEARTBEATS, USER, Feed


def a_feed() -> Feed:
    return Feed("", lambda _: None)


def test_a_product_cannot_be_taken_off_the_user_channel_of_all_products() -> None:
    feed = a_feed()
    feed.subscribe(USER, [])

    feed.unsubscribe(USER, ["BTC-USD"])

    assert feed.subscription(USER) == frozenset()


def test_the_user_channel_ends_as_a_whole_or_with_its_last_product() -> None:
    whole, one_by_one = a_feed(), a_feed()
    whole.subscribe(USER, [])
    one_by_one.subscribe(USER, ["BTC-USD", "ETH-USD"])

    whole.unsubscribe(USER, [])
    one_by_one.unsubscribe(USER, ["BTC-USD"])
    left = one_by_one.subscription(USER)
    one_by_one.unsubscribe(USER, ["ETH-USD"])

    assert whole.subscription(USER) is None
    assert left == frozenset({"ETH-USD"})
    assert one_by_one.subscription(USER) is None


def test_taking_off_what_was_never_subscribed_changes_nothing() -> None:
    feed = a_feed()
    feed.subscribe(HEARTBEATS, [])

    feed.unsubscribe("ticker", ["BTC-USD"])
    feed.unsubscribe(USER, ["BTC-USD"])

    assert feed.subscriptions("me") == {HEARTBEATS: [HEARTBEATS]}
