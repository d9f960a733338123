"""A planned workbook as an .xlsx file."""
