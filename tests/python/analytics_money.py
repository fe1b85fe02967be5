"""What tokens cost, and the four cost and usage reports, as DuckDB SQL: docs/analytics.md ("Cost and usage") and the shipped price
list, and nothing else.

Money is in billionths of a dollar. Every amount is rounded to a millionth of a cent, half up, before anything is added up.
"""

import tomllib
from decimal import Decimal
from pathlib import Path

PRICES = Path(__file__).parents[2] / "crates/ephor-analytics/data/prices.toml"
NANOS = 10**9

PRODUCTS = {
    "chat": "chat",
    "claude_code": "claude_code",
    "cowork": "cowork",
    "office": "office_agent",
    "design": "claude_design",
    "science": "claude_science",
}

TOKENS = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "cache_read",
    "cache_creation_5m_tokens": "cache_write_5m",
    "cache_creation_1h_tokens": "cache_write_1h",
}


def load_prices(database) -> int:
    """The list as a table; what a web search costs."""
    listed = tomllib.loads(PRICES.read_text())
    columns = ", ".join(f"{name} hugeint" for name in TOKENS.values())
    database.execute(f"create table prices (model varchar, from_at timestamp, context_window varchar, speed varchar, {columns})")
    for price in listed["price"]:
        amounts = [int(Decimal(price[name]) * NANOS) for name in TOKENS.values()]
        row = [price["model"], price["from"], price.get("context_window"), price.get("speed"), *amounts]
        database.execute("insert into prices values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return int(Decimal(listed["web_search_per_thousand"]) * NANOS / 1000)


def load_requests(database) -> None:
    """`requests`: what was spent, each request once, with what it cost by the list and what was paid."""
    search = load_prices(database)
    listed = " + ".join(
        f"((coalesce({tokens}, 0)::hugeint * {price} + 5000000) // 10000000) * 10" for tokens, price in TOKENS.items()
    )
    products = " ".join(f"when '{surface}' then '{product}'" for surface, product in PRODUCTS.items())
    tokens = ", ".join(f"coalesce({name}, 0) as {name}" for name in TOKENS)
    database.execute(f"""
        create table requests as
        with priced as (
            select facts.id, prices.*,
                   row_number() over (partition by facts.id order by length(prices.model) desc,
                       (prices.context_window is not null)::int + (prices.speed is not null)::int desc, from_at desc) as place
            from facts join prices on starts_with(facts.model, prices.model) and prices.from_at <= facts.time
                 and (prices.context_window is null or prices.context_window = facts.context_window)
                 and (prices.speed is null or prices.speed = facts.speed)
            where kind in ('api_request', 'api_usage')
        ),
        told as (select distinct day, session_id from facts where kind = 'api_request' and session_id is not null)
        select facts.day, facts.u, facts.kind, facts.surface, facts.skill_name, facts.model, facts.n,
               case facts.surface {products} else 'other' end as product, {tokens},
               coalesce(web_search_requests, 0) as web_search_requests,
               ((facts.cost_nano_usd + 5) // 10) * 10 as told_nano,
               case when priced.id is not null then {listed} + coalesce(web_search_requests, 0) * {search} end as list_nano
        from facts left join priced on priced.id = facts.id and priced.place = 1
        where facts.kind = 'api_request'
           or (facts.kind = 'api_usage' and (facts.day, facts.session_id) not in (select (day, session_id) from told)
               or facts.kind = 'api_usage' and facts.session_id is null)""")


# A skill's share: list prices of requests that name it, outside chat.
SKILL_PRICES = """select skill_name, sum(list_nano)::bigint from requests
                  where day = ? and kind = 'api_request' and surface in ('claude_code', 'cowork', 'office', 'design', 'science')
                        and skill_name is not null and list_nano is not null group by 1"""

SUMS = """sum(case when kind = 'api_request' then n else 0 end)::bigint as requests, sum(input_tokens)::bigint as input,
          sum(output_tokens)::bigint as output, sum(cache_read_tokens)::bigint as cache_read,
          sum(cache_creation_5m_tokens)::bigint as made_5m, sum(cache_creation_1h_tokens)::bigint as made_1h,
          sum(web_search_requests)::bigint as searches, sum(coalesce(told_nano, list_nano, 0))::bigint as amount,
          sum(case when coalesce(list_nano, 0) <> 0 then list_nano else coalesce(told_nano, 0) end)::bigint as list_amount"""


def cents(nano: int | None) -> str | None:
    """The wire's way of writing money: cents with six decimals."""
    return None if nano is None else f"{Decimal(nano) / 10**7:.6f}"


def usage(row: dict) -> tuple:
    made = row["cache_creation"]
    return (row["requests"], row["uncached_input_tokens"], row["output_tokens"], row["cache_read_input_tokens"],
            made["ephemeral_5m_input_tokens"], made["ephemeral_1h_input_tokens"], row["server_tool_use"]["web_search_requests"])


def cost(row: dict) -> tuple:
    assert row["currency"] == "USD"
    return row["requests"], row["amount"], row["list_amount"]


def compare_reports(database, served, day: str, next_day: str) -> int:
    """Both pairs of reports for one day: whole, by product and model, and by person."""
    span = {"starting_at": f"{day}T00:00:00Z", "ending_at": f"{next_day}T00:00:00Z"}
    compared = 0
    for keys, asked in (((), {}), (("product", "model"), {"group_by[]": ["product", "model"]})):
        columns = "".join(f"{key}, " for key in keys)
        rows = database.execute(f"select {columns}{SUMS} from requests where day = ? group by all", [day]).fetchall()
        # One row without a request is what an aggregate of nothing gives; a bucket has none then.
        expected = {row[: len(keys)]: row[len(keys) :] for row in rows if row[len(keys)] is not None}
        for report, read in (("usage_report", usage), ("cost_report", cost)):
            (bucket,) = served(report, **span, **asked)
            told = {tuple(row[key] for key in keys): read(row) for row in bucket["results"]}
            whole = {key: row[:7] if read is usage else (row[0], cents(row[7]), cents(row[8])) for key, row in expected.items()}
            assert told == whole, (report, day, keys, told, whole)
            compared += sum(map(len, told.values()))
    people = database.execute(f"select u, {SUMS} from requests where day = ? and u is not null group by 1", [day]).fetchall()
    for report, read in (("user_usage_report", usage), ("user_cost_report", cost)):
        told = {row["actor"]["user_id"]: read(row) for row in served(report, **span)}
        whole = {row[0]: row[1:8] if read is usage else (row[1], cents(row[8]), cents(row[9])) for row in people}
        assert told == whole, (report, day, told.items() ^ whole.items())
        compared += sum(map(len, told.values()))
    return compared
