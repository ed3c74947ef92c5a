"""A product, fills and streams of fills as small as a test needs them."""

import random
from dataclasses import replace
from decimal import Decimal

from gpt_trader.domain.events import OrderFilled
from gpt_trader.domain.order import Liquidity, Side
from gpt_trader.domain.product import Product


def a_product(
    product_id: str = "BTC-USD", price_increment: str = "0.01", base_increment: str = "0.00000001"
) -> Product:
    base, quote = product_id.split("-")
    some = Decimal(1)
    return Product(
        product_id, base, quote, Decimal(base_increment), Decimal(price_increment), some, some,
        some, some, some,
    )  # fmt: skip


def a_fill(trade_id: str, side: Side, price: str, base_size: str, fee: str = "0") -> OrderFilled:
    """One fill of BTC-USD; its order id is fixed, its trade id tells it from others."""
    return OrderFilled(
        ts_ns=1,
        client_order_id="c",
        order_id="o",
        trade_id=trade_id,
        product_id="BTC-USD",
        side=side,
        price=Decimal(price),
        base_size=Decimal(base_size),
        fee=Decimal(fee),
        liquidity=Liquidity.TAKER,
    )


def random_fills(
    generator: random.Random, products: tuple[Product, ...], count: int
) -> list[OrderFilled]:
    """Buys, and sales that never pass the position, with fees of 0 to 1 % in odd digits."""
    held = {product.product_id: 0 for product in products}
    fills: list[OrderFilled] = []
    for number in range(count):
        product = generator.choice(products)
        position = held[product.product_id]
        selling = position > 0 and generator.random() < 0.5
        most = position if selling else 10 ** generator.randint(0, 10)
        lots = most if generator.random() < 0.2 else generator.randint(1, most)
        ticks = generator.randint(1, 10 ** generator.randint(1, 8))
        held[product.product_id] += -lots if selling else lots
        fee_units = product.notional_paid(ticks, lots) * generator.randrange(100) // 9999
        fill = a_fill(str(number), Side.SELL if selling else Side.BUY, "1", "1")
        fills.append(
            replace(
                fill,
                product_id=product.product_id,
                price=product.price(ticks),
                base_size=product.size(lots),
                fee=fee_units * Decimal("0.00000001"),
            )
        )
    return fills
