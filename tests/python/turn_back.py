"""Makes what a stopped node remembers older, as if it had been switched off since.

Usage: turn_back.py CONTROL_DATABASE schedules|decisions|reviews DAYS
"""

import sqlite3
import sys

DAY_MICROS = 86_400 * 1_000_000
OLDER = {
    "schedules": ["update report_schedules set minded_since = minded_since - ?, served_due_at = null"],
    "reviews": [
        "update reviews set opened_at = opened_at - ?1, due_at = due_at - ?1",
        "update review_notices set moment = moment - ?1, sent_at = sent_at - ?1",
    ],
    "decisions": ["update review_items set decided_at = decided_at - ? where decided_at is not null"],
}

with sqlite3.connect(sys.argv[1]) as control:
    for statement in OLDER[sys.argv[2]]:
        control.execute(statement, [int(sys.argv[3]) * DAY_MICROS])
control.close()
