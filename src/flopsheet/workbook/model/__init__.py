"""A workbook as plain frozen data."""
