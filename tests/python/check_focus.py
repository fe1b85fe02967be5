"""Holds a dataset in CSV against the columns of FOCUS 1.4, Cost and Usage: which have to be there, what may be null, of which type.

Usage: check_focus.py FILE.csv; prints the number of rows. No published validator knows this version, so the table of the
specification stands here: a column's name, `M` where every dataset has it, `N` where it may be null, its type.
"""

import csv
import json
import re
import sys
from datetime import datetime
from decimal import Decimal

COLUMNS = """
BilledCost M - Decimal
BillingAccountId M - String
BillingAccountName M N String
BillingAccountType - - String
BillingCurrency M - Currency
BillingPeriodEnd M - Time
BillingPeriodStart M - Time
ChargeCategory M - Usage|Purchase|Tax|Credit|Adjustment
ChargeClass M N Correction
ChargeDescription M N String
ChargeFrequency - - One-Time|Recurring|Usage-Based
ChargePeriodEnd M - Time
ChargePeriodStart M - Time
ConsumedQuantity - N Decimal
ConsumedUnit - N String
ContractedCost M - Decimal
ContractedUnitPrice - N Decimal
EffectiveCost M - Decimal
HostProviderName M - String
InvoiceIssuerName M - String
ListCost M - Decimal
ListUnitPrice - N Decimal
PricingCategory - N Standard|Dynamic|Committed|Other
PricingCurrency - - Currency
PricingQuantity M N Decimal
PricingUnit M N String
RegionId - N String
RegionName - N String
ResourceId - N String
ResourceName - N String
ResourceType - N String
ServiceCategory M - AI and Machine Learning
ServiceName M - String
ServiceProviderName M - String
ServiceSubcategory - - Generative AI
SkuId - N String
SkuMeter - N String
SkuPriceId - N String
SubAccountId - N String
SubAccountName - N String
Tags - N JSON
"""
KNOWN = {name: (level, null, kind) for name, level, null, kind in (line.split(" ", 3) for line in COLUMNS.strip().splitlines())}
# Unit prices have twelve decimals: a price times its quantity is the cost up to that.
ROUNDED = Decimal("0.000000000001")


def wrong(kind: str, value: str) -> bool:
    match kind:
        case "String":
            return value != value.strip() or not value.isprintable()
        case "Decimal":
            return re.fullmatch(r"-?\d+(\.\d+)?(E-?\d+)?", value) is None
        case "Time":
            return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is None
        case "Currency":
            return re.fullmatch(r"[A-Z]{3}", value) is None
        case "JSON":
            return not all(isinstance(one, str | int | float | bool | None) for one in json.loads(value).values())
        case _:
            return value not in kind.split("|")


def related(row: dict[str, str]) -> None:
    """What columns say of each other."""
    time = {name: datetime.fromisoformat(row[name]) for name in KNOWN if KNOWN[name][2] == "Time"}
    assert time["BillingPeriodStart"] <= time["ChargePeriodStart"] < time["ChargePeriodEnd"] <= time["BillingPeriodEnd"], row
    for cost, price in (("ContractedCost", "ContractedUnitPrice"), ("ListCost", "ListUnitPrice")):
        if row[price]:
            quantity = Decimal(row["PricingQuantity"])
            assert abs(Decimal(row[price]) * quantity - Decimal(row[cost])) <= ROUNDED * quantity, (cost, row)
    for quantity, unit in (("ConsumedQuantity", "ConsumedUnit"), ("PricingQuantity", "PricingUnit")):
        assert bool(row[quantity]) == bool(row[unit]), (quantity, row)


def main(path: str) -> None:
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        head = reader.fieldnames
        assert len(set(head)) == len(head), "a column stands twice"
        missing = [name for name, (level, _, _) in KNOWN.items() if level == "M" and name not in head]
        foreign = [name for name in head if name not in KNOWN and not name.startswith("x_")]
        assert not missing and not foreign, f"missing {missing}, not of the specification {foreign}"
        rows = 0
        for rows, row in enumerate(reader, 1):
            for name in filter(KNOWN.__contains__, head):
                _, null, kind = KNOWN[name]
                assert row[name] or null == "N", f"{name} is null in {row}"
                assert not row[name] or not wrong(kind, row[name]), f"{name} = {row[name]!r} is no {kind}"
            related(row)
    print(rows)


main(*sys.argv[1:])
