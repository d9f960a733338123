"""How exact numbers are: what a double holds, what rounding can cause, what a spreadsheet stores."""

from __future__ import annotations

EXACT = 2**53  # below it a double represents every whole number
SPREADSHEET_EXACT = 1e15  # below it a spreadsheet, which reads and stores 15 digits, keeps every whole number
LARGEST_INPUT = SPREADSHEET_EXACT  # of an input without an upper bound
SMALLEST_NUMBER, LARGEST_NUMBER = 1e-300, 1e300  # well inside float64 and inside Excel's 2.2e-308 ... 9.9e307
ROUNDING = 1e-12  # the relative difference that rounding alone can cause between two ways to compute a number
STORED = 1e-9  # the relative difference of a stored value; spreadsheet programs store 15 digits
HALF = 0.5 + STORED  # added before a floor: what rounding left a little under a half is told as a half by every program
HALF_OF_A_RANK = 0.50001  # the same for ranks in parts of a million or a billion, where rounding is a larger share
STORED_PLACES = 1e-20  # the last decimal that LibreOffice writes of a number in .ods
ALMOST_ZERO = 1e-9  # stands for 0 where 0 itself has no value: as a divisor, as 0^0
