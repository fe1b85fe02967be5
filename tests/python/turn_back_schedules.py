"""Makes a stopped node's schedules a day older, as if it had been switched off since.

Usage: turn_back_schedules.py CONTROL_DATABASE
"""

import sqlite3
import sys

DAY_MICROS = 86_400 * 1_000_000

with sqlite3.connect(sys.argv[1]) as control:
    control.execute("update report_schedules set minded_since = minded_since - ?, served_due_at = null", [DAY_MICROS])
control.close()
